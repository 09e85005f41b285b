-- What the tasks of runs under way say of themselves: the newest sign of life, and until when one rests on purpose.
SELECT
    task_instance.dag_id,
    task_instance.run_id,
    greatest(max(task_instance.last_heartbeat_at), max(task_instance.start_date), max(task_instance.end_date)) AS heartbeat_at,
    max(
        CASE
            WHEN task_instance.state = 'up_for_retry'
                THEN task_instance.end_date + make_interval(secs => coalesce(task_instance.retry_delay_override, 300))
            WHEN task_instance.state = 'deferred' THEN coalesce(task_instance.trigger_timeout, now() + interval '1 hour')
        END
    ) AS resting_until
FROM task_instance
INNER JOIN dag_run ON task_instance.dag_id = dag_run.dag_id AND task_instance.run_id = dag_run.run_id
WHERE
    dag_run.state IN ('running', 'queued')
    AND task_instance.dag_id IN (SELECT dag_tag.dag_id FROM dag_tag WHERE dag_tag.name = %(tag)s)
GROUP BY task_instance.dag_id, task_instance.run_id
LIMIT 1000
