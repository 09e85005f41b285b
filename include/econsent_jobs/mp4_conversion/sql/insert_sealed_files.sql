-- Keys, hashes and lock date are fixed before the first byte is sent.
INSERT INTO econsent.sealed_files (company_id, session_id, kind, object_key, staging_path, bytes, sha256, content_type, retain_until)
SELECT
    %(company_id)s,
    %(session_id)s,
    file.kind,
    file.object_key,
    file.staging_path,
    file.bytes,
    file.sha256,
    file.content_type,
    %(retain_until)s
FROM
    unnest(
        %(kinds)s::text[], %(object_keys)s::text[], %(staging_paths)s::text[], %(sizes_bytes)s::bigint[], %(sha256s)s::text[],
        %(content_types)s::text[]
    ) AS file (kind, object_key, staging_path, bytes, sha256, content_type)
