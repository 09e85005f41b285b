-- A page of one job's executions, newest first, by the index of the job, or that of the job and outcome; each knows an earlier failure of its run.
SELECT
    found.dag_id,
    found.run_id,
    found.clear_number,
    found.run_kind,
    found.triggered_by,
    found.run_after,
    found.started_at,
    found.ended_at,
    found.seconds,
    found.outcome,
    found.tries,
    found.counts,
    found.error_class,
    found.error_sentence,
    (
        SELECT coalesce(earlier.error_class, 'failed')
        FROM econsent.job_executions AS earlier
        WHERE
            earlier.dag_id = found.dag_id
            AND earlier.run_id = found.run_id
            AND earlier.clear_number < found.clear_number
            AND earlier.outcome = 'failed'
        ORDER BY earlier.clear_number
        LIMIT 1
    ) AS first_error
FROM econsent.job_executions AS found
WHERE
    found.dag_id = %(dag_id)s
    AND (%(outcome)s::text IS NULL OR found.outcome = %(outcome)s)
    AND found.run_after >= %(since)s
    AND found.run_after < %(until)s
    AND (found.run_after, found.run_id, found.clear_number) < (%(before_at)s, %(before_id)s, %(before_clear)s)
ORDER BY found.run_after DESC, found.run_id DESC, found.clear_number DESC
LIMIT %(most)s
