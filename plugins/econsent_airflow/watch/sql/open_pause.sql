-- A pause that was made elsewhere than on the page. Whoever did it is known from the audit trail, which was copied just before.
INSERT INTO econsent.job_pauses (dag_id, paused_by, paused_at, seen_at)
SELECT %(dag_id)s, coalesce(doing.by, 'unknown'), coalesce(doing.at, now()), now()
FROM (VALUES (1)) AS one (row)
LEFT JOIN LATERAL (
    SELECT entry."user" AS by, entry."timestamp" AS at FROM econsent.audit_log AS entry
    WHERE
        entry.category = 'jobs' AND entry.action = 'job.paused' AND entry.details ->> 'dag_id' = %(dag_id)s
        AND entry."timestamp" > now() - interval '1 day'
    ORDER BY entry."timestamp" DESC LIMIT 1
) AS doing ON TRUE
ON CONFLICT (dag_id) WHERE resumed_at IS NULL DO NOTHING
