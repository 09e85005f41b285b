-- All attempts of a page of deliveries; of an answer only its length, because it is a stranger's text.
SELECT
    a.delivery_id,
    a.attempt_no,
    a.started_at,
    a.duration_ms,
    a.status_code,
    a.outcome,
    a.error,
    a.backoff_seconds,
    a.jitter_percent,
    a.retry_after_seconds,
    host(a.resolved_ip) AS address,
    octet_length(a.response_excerpt) AS excerpt_bytes
FROM econsent.webhook_attempts AS a
WHERE a.delivery_id = any(%(delivery_ids)s)
ORDER BY a.delivery_id, a.attempt_no
