-- A version that no row knew, and that a person wants gone, gets its row before it is deleted: a kill in between loses no tombstone.
-- Not where another version of the key has a row already: which of the two is the evidence, a machine cannot know.
INSERT INTO econsent.storage_objects (
    company_id, kind, backend, tier, bucket, object_key, version_id, bytes, sha256, lock_mode, retain_until,
    state, expired_at, mark_rule, marked_by, purge_after, guarded
)
SELECT
    company.company_id,
    %(kind)s,
    's3',
    2,
    %(bucket)s,
    %(key)s,
    %(version_id)s,
    %(bytes)s,
    %(sha256)s,
    'COMPLIANCE',
    coalesce(%(retain_until)s, %(now)s - interval '1 second'),
    'expired',
    %(now)s,
    'orphan',
    %(step)s,
    %(now)s,
    TRUE
FROM econsent.companies AS company
WHERE company.company_id = %(company_id)s
ON CONFLICT DO NOTHING
RETURNING storage_objects.storage_object_id AS object_id
