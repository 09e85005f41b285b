-- The archived recording's row, with the version that is ours.
INSERT INTO econsent.storage_objects (
    company_id, session_id, kind, backend, tier, bucket, object_key, version_id, bytes, sha256, content_type, storage_class, lock_mode,
    retain_until
)
VALUES (
    %(company_id)s, %(session_id)s, 'recording', 's3', 2, %(bucket)s, %(object_key)s, %(version_id)s, %(bytes)s, %(sha256)s,
    %(content_type)s, 'STANDARD', 'COMPLIANCE', %(retain_until)s
)
ON CONFLICT DO NOTHING
