-- One a company and month; the exact bytes first.
INSERT INTO econsent.destruction_certificates (company_id, month, leaves, made_at, object_key, document, document_sha256, retain_until)
VALUES (%(company_id)s, %(month)s, %(leaves)s, %(made_at)s, %(object_key)s, %(document)s, %(document_sha256)s, %(retain_until)s)
ON CONFLICT DO NOTHING
RETURNING company_id
