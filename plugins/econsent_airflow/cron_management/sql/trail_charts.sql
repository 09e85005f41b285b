-- Processing time a day, and the last runs one by one, as two documents.
SELECT
    (
        SELECT json_agg(daily ORDER BY daily.day)
        FROM (
            SELECT
                to_char(date_trunc('day', run.started_at), 'YYYY-MM-DD') AS day,
                count(*) AS runs,
                percentile_cont(0.5) WITHIN GROUP (ORDER BY run.seconds::float8) AS p50,
                percentile_cont(0.95) WITHIN GROUP (ORDER BY run.seconds::float8) AS p95
            FROM econsent.job_executions AS run
            WHERE
                run.dag_id = %(dag_id)s AND run.run_after >= %(since)s AND run.run_after < %(until)s AND run.ended_at IS NOT NULL
                AND run.started_at IS NOT NULL
            GROUP BY date_trunc('day', run.started_at)
        ) AS daily
    ) AS days,
    (
        SELECT json_agg(recent ORDER BY recent.at DESC)
        FROM (
            SELECT
                run.run_id || '/' || run.clear_number AS run_id, run.run_after AS at, run.seconds, run.outcome,
                (run.counts ->> 'changed')::bigint AS changed
            FROM econsent.job_executions AS run
            WHERE run.dag_id = %(dag_id)s AND run.run_after < %(until)s AND run.ended_at IS NOT NULL
            ORDER BY run.run_after DESC
            LIMIT %(most)s
        ) AS recent
    ) AS recent
