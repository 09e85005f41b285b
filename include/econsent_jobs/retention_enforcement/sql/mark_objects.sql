-- The first of two phases: what is marked can still be kept until its time. An erasure overtakes another mark: it waits for no grace.
UPDATE econsent.storage_objects AS stored
SET
    state = 'expired',
    expired_at = %(now)s,
    mark_rule = marked.rule,
    marked_by = %(step)s,
    purge_after = marked.purge_after,
    guarded = marked.guarded
FROM
    unnest(%(object_ids)s::bigint[], %(rules)s::text[], %(purge_afters)s::timestamptz[], %(guardeds)s::boolean[])
        AS marked (object_id, rule, purge_after, guarded)
WHERE
    stored.company_id = %(company_id)s
    AND stored.storage_object_id = marked.object_id
    AND (
        stored.state = 'stored'
        OR (stored.state = 'expired' AND marked.rule = 'erasure_request' AND stored.mark_rule <> 'erasure_request')
    )
RETURNING stored.storage_object_id AS object_id
