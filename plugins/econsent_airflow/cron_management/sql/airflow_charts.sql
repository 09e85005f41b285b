-- The same from Airflow's own rows.
SELECT
    (
        SELECT json_agg(daily ORDER BY daily.day)
        FROM (
            SELECT
                to_char(date_trunc('day', run.start_date AT TIME ZONE 'UTC'), 'YYYY-MM-DD') AS day,
                count(*) AS runs,
                percentile_cont(0.5) WITHIN GROUP (ORDER BY CAST(extract(EPOCH FROM run.end_date - run.start_date) AS float8)) AS p50,
                percentile_cont(0.95) WITHIN GROUP (ORDER BY CAST(extract(EPOCH FROM run.end_date - run.start_date) AS float8)) AS p95
            FROM dag_run AS run
            WHERE
                run.dag_id = %(dag_id)s AND run.run_after >= %(since)s AND run.run_after < %(until)s AND run.end_date IS NOT NULL
                AND run.start_date IS NOT NULL
            GROUP BY date_trunc('day', run.start_date AT TIME ZONE 'UTC')
        ) AS daily
    ) AS days,
    (
        SELECT json_agg(recent ORDER BY recent.at DESC)
        FROM (
            SELECT
                run.run_id, run.run_after AS at, extract(EPOCH FROM run.end_date - run.start_date) AS seconds, run.state AS outcome,
                CAST(NULL AS bigint) AS changed
            FROM dag_run AS run
            WHERE run.dag_id = %(dag_id)s AND run.run_after < %(until)s AND run.run_after > %(since)s AND run.end_date IS NOT NULL
            ORDER BY run.run_after DESC
            LIMIT %(most)s
        ) AS recent
    ) AS recent
