-- Every try of every task of some runs, also those that Airflow put aside when a run was cleared.
SELECT
    run.id AS run_number, tried.task_id, tried.map_index, tried.try_number, tried.state, tried.started_at, tried.ended_at
FROM dag_run AS run
CROSS JOIN LATERAL (
    SELECT task_id, map_index, try_number, state, start_date AS started_at, end_date AS ended_at
    FROM task_instance WHERE dag_id = run.dag_id AND run_id = run.run_id
    UNION ALL
    SELECT task_id, map_index, try_number, state, start_date AS started_at, end_date AS ended_at
    FROM task_instance_history WHERE dag_id = run.dag_id AND run_id = run.run_id
) AS tried
WHERE run.id = ANY(%(ids)s)
ORDER BY run.id, tried.started_at NULLS LAST, tried.task_id, tried.map_index, tried.try_number
