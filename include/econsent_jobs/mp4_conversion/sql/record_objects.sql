-- One row an archived file, with the version that is ours: only this version was read back or written under our lock.
INSERT INTO econsent.storage_objects (
    company_id, session_id, kind, backend, tier, bucket, object_key, version_id, bytes, sha256, content_type, storage_class, lock_mode,
    retain_until
)
SELECT
    %(company_id)s,
    %(session_id)s,
    file.kind,
    's3',
    2,
    %(bucket)s,
    file.object_key,
    file.version_id,
    file.bytes,
    file.sha256,
    file.content_type,
    'STANDARD',
    'COMPLIANCE',
    file.retain_until
FROM
    unnest(
        %(kinds)s::text[], %(object_keys)s::text[], %(version_ids)s::text[], %(sizes_bytes)s::bigint[], %(sha256s)s::text[],
        %(content_types)s::text[], %(retain_untils)s::timestamptz[]
    ) AS file (kind, object_key, version_id, bytes, sha256, content_type, retain_until)
RETURNING
    storage_objects.storage_object_id,
    storage_objects.kind
