-- Runs that were cleared lately: what they did before is in the tries that Airflow put aside.
SELECT
    run.id,
    run.dag_id,
    run.run_id,
    run.clear_number,
    run.run_type,
    run.run_after,
    coalesce(run.queued_at, run.created_at, run.run_after) AS queued_at,
    run.triggering_user_name
FROM dag_run AS run
WHERE run.clear_number > 0 AND (run.state IN ('queued', 'running') OR run.id = ANY(%(ids)s::integer []))
