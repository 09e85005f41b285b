-- Why a run's tasks failed, as the tasks themselves left it: the error first, the retry policy's reason where there is none.
SELECT
    task_instance.task_id,
    task_instance.map_index,
    task_instance.try_number,
    task_instance.state,
    task_instance.retry_reason,
    (
        SELECT xcom.value
        FROM xcom
        WHERE
            xcom.dag_id = task_instance.dag_id
            AND xcom.run_id = task_instance.run_id
            AND xcom.task_id = task_instance.task_id
            AND xcom.map_index = task_instance.map_index
            AND xcom.key = 'econsent_error'
        LIMIT 1
    ) AS error,
    (
        SELECT xcom.value
        FROM xcom
        WHERE
            xcom.dag_id = task_instance.dag_id
            AND xcom.run_id = task_instance.run_id
            AND xcom.task_id = task_instance.task_id
            AND xcom.map_index = task_instance.map_index
            AND xcom.key = 'return_value'
        LIMIT 1
    ) AS result
FROM task_instance
WHERE task_instance.dag_id = %(dag_id)s AND task_instance.run_id = any(%(run_ids)s)
ORDER BY task_instance.end_date DESC NULLS LAST
LIMIT 100
