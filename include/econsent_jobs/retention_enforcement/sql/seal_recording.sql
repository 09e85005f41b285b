-- Seal first: key, hash, size and lock date are committed before anything is sent; what an earlier try sealed stays as it is.
INSERT INTO econsent.sealed_files (
    company_id, session_id, kind, object_key, staging_path, bytes, sha256, content_type, retain_until
)
VALUES (
    %(company_id)s, %(session_id)s, 'recording', %(object_key)s, %(staging_path)s, %(bytes)s, %(sha256)s, %(content_type)s, %(retain_until)s
)
ON CONFLICT (company_id, object_key) DO NOTHING
