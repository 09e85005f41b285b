-- The dashboard's row: backlog, age of its oldest item in seconds, and the job's own figure with its label.
SELECT
    count(*) AS backlog,
    extract(EPOCH FROM now() - min(delivery.next_attempt_at)) AS oldest_seconds,
    'endpoints that fail or were disabled for it' AS figure_label,
    (
        SELECT count(*)
        FROM econsent.webhook_endpoints AS failing
        WHERE failing.status = 'disabled_auto' OR failing.circuit <> 'closed'
    ) AS figure
FROM econsent.webhook_endpoints AS endpoint
INNER JOIN econsent.webhook_deliveries AS delivery ON endpoint.endpoint_id = delivery.endpoint_id
WHERE
    endpoint.status = 'enabled'
    AND (endpoint.paused_until IS NULL OR endpoint.paused_until <= now())
    AND (endpoint.circuit = 'closed' OR endpoint.circuit_until <= now())
    AND delivery.status IN ('pending', 'retrying', 'delivering')
    AND delivery.next_attempt_at <= now()
