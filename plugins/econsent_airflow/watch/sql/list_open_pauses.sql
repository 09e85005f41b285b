-- Pauses that last, and those that ended lately, for the rule.
SELECT pause_id, dag_id, paused_by, reason, paused_at, resume_at, batch_id, seen_at, resumed_at
FROM econsent.job_pauses
WHERE resumed_at IS NULL OR resumed_at > now() - interval '8 days'
ORDER BY paused_at
