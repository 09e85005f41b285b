-- One row an archived object, with the version that is ours: only this version was read back or written under our lock.
INSERT INTO econsent.storage_objects (
    company_id, session_id, certificate_pk, kind, backend, tier, bucket, object_key, version_id, bytes, sha256, content_type,
    storage_class, lock_mode, retain_until
)
SELECT
    %(company_id)s,
    stored.session_id,
    stored.certificate_pk,
    stored.kind,
    's3',
    2,
    %(bucket)s,
    stored.object_key,
    stored.version_id,
    stored.size_bytes,
    stored.sha256,
    stored.content_type,
    'STANDARD',
    'COMPLIANCE',
    stored.retain_until
FROM
    unnest(
        %(certificate_pks)s::bigint[],
        %(session_ids)s::text[],
        %(kinds)s::text[],
        %(object_keys)s::text[],
        %(version_ids)s::text[],
        %(sizes_bytes)s::bigint[],
        %(sha256s)s::text[],
        %(content_types)s::text[],
        %(retain_untils)s::timestamptz[]
    ) AS stored (certificate_pk, session_id, kind, object_key, version_id, size_bytes, sha256, content_type, retain_until)
