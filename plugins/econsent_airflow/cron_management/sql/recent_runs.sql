-- The newest runs of each job. Airflow has no index by (dag_id, run_after): dated runs come from that by logical date, the few live ones
-- from the partial indexes of their states, undated ones (by hand, by an asset) from a window of the newest.
SELECT
    newest.dag_id,
    newest.run_id,
    newest.run_type,
    newest.triggered_by,
    newest.triggering_user_name,
    newest.state,
    newest.logical_date,
    newest.run_after,
    newest.queued_at,
    newest.start_date AS started_at,
    newest.end_date AS ended_at,
    newest.clear_number,
    newest.updated_at
FROM dag_tag AS job
CROSS JOIN LATERAL (
    SELECT found.*
    FROM (
        (
            SELECT dated.*
            FROM dag_run AS dated
            WHERE dated.dag_id = job.dag_id AND dated.logical_date IS NOT NULL
            ORDER BY dated.logical_date DESC
            LIMIT %(most)s
        )
        UNION
        (
            SELECT undated.*
            FROM dag_run AS undated
            WHERE undated.dag_id = job.dag_id AND undated.logical_date IS NULL AND undated.run_after > %(now)s - interval '3 days'
            ORDER BY undated.run_after DESC
            LIMIT %(most)s
        )
        UNION
        (SELECT live.* FROM dag_run AS live WHERE live.dag_id = job.dag_id AND live.state = 'running' LIMIT %(most)s)
        UNION
        (SELECT waiting.* FROM dag_run AS waiting WHERE waiting.dag_id = job.dag_id AND waiting.state = 'queued' LIMIT %(most)s)
    ) AS found
    ORDER BY found.run_after DESC, found.id DESC
    LIMIT %(most)s
) AS newest
WHERE job.name = %(tag)s
