-- The newest heartbeat of each of Airflow's processes.
SELECT job.job_type, max(job.latest_heartbeat) AS beat_at
FROM job
WHERE job.job_type IN ('SchedulerJob', 'DagProcessorJob', 'TriggererJob') AND job.latest_heartbeat > now() - interval '90 days'
GROUP BY job.job_type
LIMIT 10
