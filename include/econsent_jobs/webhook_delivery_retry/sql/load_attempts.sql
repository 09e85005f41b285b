-- All attempts of one delivery, without what the receiver said: an answer may hold anything.
SELECT
    attempt.attempt_no,
    attempt.started_at,
    attempt.duration_ms,
    attempt.outcome,
    attempt.status_code,
    host(attempt.resolved_ip) AS resolved_ip,
    attempt.error,
    attempt.backoff_seconds,
    attempt.jitter_percent,
    attempt.retry_after_seconds
FROM econsent.webhook_attempts AS attempt
WHERE attempt.delivery_id = %(delivery_id)s
ORDER BY attempt.attempt_no
