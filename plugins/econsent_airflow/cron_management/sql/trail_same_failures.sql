-- Failures of a week that look like one run's: the same fingerprint.
SELECT seen.run_id, seen.run_after, seen.started_at
FROM econsent.job_executions AS seen
WHERE
    seen.fingerprint = (
        SELECT mine.fingerprint
        FROM econsent.job_executions AS mine
        WHERE mine.dag_id = %(dag_id)s AND mine.run_id = %(run_id)s AND mine.outcome = 'failed'
        ORDER BY mine.clear_number DESC
        LIMIT 1
    )
    AND seen.dag_id = %(dag_id)s
    AND seen.run_after >= %(since)s
    AND seen.run_after <= %(until)s
ORDER BY seen.run_after DESC
LIMIT 100
