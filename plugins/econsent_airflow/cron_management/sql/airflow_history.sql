-- The same page from Airflow's own rows, which forget what a retry overwrote.
SELECT
    dag_run.dag_id,
    dag_run.run_id,
    dag_run.clear_number,
    CASE dag_run.run_type WHEN 'asset_triggered' THEN 'asset' ELSE dag_run.run_type END AS run_kind,
    dag_run.triggering_user_name AS triggered_by,
    dag_run.run_after,
    dag_run.start_date AS started_at,
    dag_run.end_date AS ended_at,
    extract(EPOCH FROM dag_run.end_date - dag_run.start_date) AS seconds,
    dag_run.state AS outcome,
    (
        SELECT max(task_instance.try_number)
        FROM task_instance
        WHERE task_instance.dag_id = dag_run.dag_id AND task_instance.run_id = dag_run.run_id
    ) AS tries,
    NULL AS counts,
    NULL AS error_class,
    NULL AS error_sentence,
    NULL AS first_error
FROM dag_run
WHERE
    dag_run.dag_id = %(dag_id)s
    AND (
        CAST(%(outcome)s AS text) IS NULL
        OR dag_run.state = CASE CAST(%(outcome)s AS text) WHEN 'succeeded' THEN 'success' ELSE 'failed' END
    )
    AND dag_run.run_after >= %(since)s
    AND dag_run.run_after < %(until)s
    AND (dag_run.run_after, dag_run.run_id, dag_run.clear_number) < (%(before_at)s, %(before_id)s, %(before_clear)s)
ORDER BY dag_run.run_after DESC, dag_run.run_id DESC
LIMIT %(most)s
