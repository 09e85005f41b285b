-- What people did: requests and commands, by Airflow's own log and by what the page's middleware added. Tasks' own rows are left out.
SELECT
    id, dttm AS at, dag_id, task_id, run_id, event, coalesce(owner_display_name, owner) AS by, extra
FROM log
WHERE
    dttm >= %(since)s
    AND (event LIKE 'cli\_%%' OR event IN ('econsent.request', 'paused') OR extra LIKE '%%"method": "%%')
ORDER BY id
LIMIT %(most)s
