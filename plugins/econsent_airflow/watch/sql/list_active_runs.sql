-- Runs that have not ended, with the latest sign of life of their tasks. A task that waits for its next try waits for five minutes at most.
SELECT
    run.id,
    run.dag_id,
    run.run_id,
    run.clear_number,
    run.run_type,
    run.run_after,
    coalesce(run.queued_at, run.created_at, run.run_after) AS queued_at,
    run.start_date AS started_at,
    tasks.heartbeat_at,
    tasks.resting_until
FROM dag_run AS run
CROSS JOIN LATERAL (
    SELECT
        greatest(max(task.last_heartbeat_at), max(task.start_date), max(task.end_date)) AS heartbeat_at,
        max(CASE task.state WHEN 'up_for_retry' THEN task.end_date + interval '5 minutes' WHEN 'deferred' THEN now() END) AS resting_until
    FROM task_instance AS task WHERE task.dag_id = run.dag_id AND task.run_id = run.run_id
) AS tasks
WHERE run.state IN ('queued', 'running')
