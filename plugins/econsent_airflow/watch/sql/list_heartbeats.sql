-- The latest sign of life of each kind of component that ever ran.
SELECT job_type, max(latest_heartbeat) AS heartbeat_at
FROM job
WHERE job_type IN ('SchedulerJob', 'DagProcessorJob', 'TriggererJob') AND latest_heartbeat IS NOT NULL
GROUP BY job_type
