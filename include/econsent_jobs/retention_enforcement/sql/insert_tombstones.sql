-- One leaf a deleted version.
INSERT INTO econsent.tombstones (
    log_no, company_id, object_key, version_id, bytes, sha256, rule, run_id, deleted_at, leaf_sha256
)
SELECT
    gone.log_no,
    %(company_id)s,
    gone.object_key,
    gone.version_id,
    gone.bytes,
    gone.sha256,
    gone.rule,
    %(run_id)s,
    %(deleted_at)s,
    gone.leaf_sha256
FROM
    unnest(
        %(log_nos)s::bigint[],
        %(object_keys)s::text[],
        %(version_ids)s::text[],
        %(sizes)s::bigint[],
        %(sha256s)s::text[],
        %(rules)s::text[],
        %(leaf_sha256s)s::text[]
    ) AS gone (log_no, object_key, version_id, bytes, sha256, rule, leaf_sha256)
