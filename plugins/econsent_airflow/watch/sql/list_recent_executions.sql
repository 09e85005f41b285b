-- The last executions of each job, for the rule: enough for the median of twenty and for twenty ticks.
SELECT
    latest.dag_id, latest.run_id, latest.run_kind, latest.run_after, latest.queued_at, latest.started_at, latest.ended_at, latest.outcome,
    latest.error_class, latest.error_sentence
FROM unnest(%(dag_ids)s::text []) AS job (dag_id)
CROSS JOIN LATERAL (
    SELECT
        known.dag_id, known.run_id, known.clear_number, known.run_kind, known.run_after, known.queued_at, known.started_at, known.ended_at,
        known.outcome, known.error_class, known.error_sentence
    FROM econsent.job_executions AS known
    WHERE known.dag_id = job.dag_id
    ORDER BY known.run_after DESC, known.run_id DESC, known.clear_number DESC LIMIT 30
) AS latest
