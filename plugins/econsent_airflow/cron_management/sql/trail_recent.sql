-- The newest executions of each job up to a moment, each with what it said and counted; Airflow may have forgotten them.
SELECT
    newest.dag_id,
    newest.run_id,
    newest.clear_number,
    newest.run_kind,
    newest.triggered_by,
    newest.run_after,
    newest.queued_at,
    newest.started_at,
    newest.ended_at,
    newest.outcome,
    newest.counts,
    newest.error_class,
    newest.error_sentence
FROM unnest(%(dag_ids)s::text []) AS job (dag_id)
CROSS JOIN LATERAL (
    SELECT found.*
    FROM econsent.job_executions AS found
    WHERE found.dag_id = job.dag_id AND found.run_after <= %(now)s
    ORDER BY found.run_after DESC, found.run_id DESC, found.clear_number DESC
    LIMIT %(most)s
) AS newest
