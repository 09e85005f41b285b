-- Runs that have not ended.
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
    run.end_date AS ended_at
FROM dag_run AS run
WHERE run.state IN ('queued', 'running')
