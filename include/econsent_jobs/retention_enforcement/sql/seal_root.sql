-- The exact bytes first, then the archive: a second try sends the same.
INSERT INTO econsent.tombstone_roots (leaves, root_sha256, run_id, made_at, object_key, document, document_sha256, retain_until)
VALUES (%(leaves)s, %(root_sha256)s, %(run_id)s, %(made_at)s, %(object_key)s, %(document)s, %(document_sha256)s, %(retain_until)s)
ON CONFLICT DO NOTHING
