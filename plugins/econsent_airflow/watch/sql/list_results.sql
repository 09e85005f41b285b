-- What the tasks of some runs handed on: the counts of their work, and why they failed.
SELECT dag_run_id AS run_number, task_id, map_index, key, value
FROM xcom
WHERE dag_run_id = ANY(%(ids)s) AND key IN ('return_value', 'econsent_error')
ORDER BY dag_run_id, task_id, map_index, key
