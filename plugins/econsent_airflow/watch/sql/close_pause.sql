-- The job runs again. Whoever resumed it is known from the audit trail, which was copied just before.
UPDATE econsent.job_pauses AS pause SET
    resumed_at = greatest(coalesce(doing.at, now()), pause.paused_at), resumed_by = coalesce(doing.by, 'unknown')
FROM (VALUES (1)) AS one (row)
LEFT JOIN LATERAL (
    SELECT entry."user" AS by, entry."timestamp" AS at FROM econsent.audit_log AS entry
    WHERE
        entry.category = 'jobs' AND entry.action = 'job.resumed' AND entry.details ->> 'dag_id' = %(dag_id)s
        AND entry."timestamp" > now() - interval '1 day'
    ORDER BY entry."timestamp" DESC LIMIT 1
) AS doing ON TRUE
WHERE pause.dag_id = %(dag_id)s AND pause.resumed_at IS NULL AND pause.seen_at IS NOT NULL
