-- One cheap look: changes when a job is paused, parsed away or rescheduled, when a run begins, moves on or ends, and when a file breaks.
SELECT
    (
        SELECT
            string_agg(
                concat_ws('/', dag.dag_id, dag.is_paused, dag.is_stale, dag.next_dagrun_create_after), ',' ORDER BY dag.dag_id
            )
        FROM dag INNER JOIN dag_tag ON dag.dag_id = dag_tag.dag_id
        WHERE dag_tag.name = %(tag)s
    ) AS jobs,
    (
        SELECT string_agg(concat_ws('/', live.id, live.state, live.start_date), ',' ORDER BY live.id)
        FROM (SELECT dag_run.id, dag_run.state, dag_run.start_date FROM dag_run WHERE dag_run.state = 'running' LIMIT 500) AS live
    ) AS running,
    (
        SELECT string_agg(CAST(waiting.id AS text), ',' ORDER BY waiting.id)
        FROM (SELECT dag_run.id FROM dag_run WHERE dag_run.state = 'queued' LIMIT 500) AS waiting
    ) AS queued,
    (SELECT max(dag_run.id) FROM dag_run) AS newest,
    (SELECT concat_ws('/', count(*), max(import_error.id), max(import_error.timestamp)) FROM import_error) AS broken,
    (
        SELECT json_object_agg(beats.job_type, beats.beat_at)
        FROM (
            SELECT job.job_type, max(job.latest_heartbeat) AS beat_at
            FROM job
            WHERE job.job_type IN ('SchedulerJob', 'DagProcessorJob', 'TriggererJob') AND job.latest_heartbeat > now() - interval '90 days'
            GROUP BY job.job_type
        ) AS beats
    ) AS beats
