-- Runs that are known to be over: those asked for, those that are new, and at times all that changed lately.
SELECT
    run.id,
    run.dag_id,
    run.run_id,
    run.clear_number,
    run.run_type,
    run.state,
    run.run_after,
    coalesce(run.queued_at, run.created_at, run.run_after) AS queued_at,
    run.start_date AS started_at,
    run.end_date AS ended_at,
    run.triggering_user_name,
    coalesce(run.updated_at, run.end_date, run.run_after) AS changed_at
FROM dag_run AS run
WHERE
    run.state IN ('success', 'failed')
    AND (
        run.id = ANY(%(ids)s::integer [])
        OR run.id > %(newer_than)s::integer
        OR (%(changed_since)s::timestamptz IS NOT NULL AND coalesce(run.updated_at, run.end_date, run.run_after) >= %(changed_since)s)
    )
ORDER BY changed_at, run.id
LIMIT %(most)s
