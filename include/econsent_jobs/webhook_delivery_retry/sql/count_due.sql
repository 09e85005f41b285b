-- What a further lane could send at once; what waits for a paused or disabled endpoint, or behind an open circuit, is no backlog.
SELECT
    count(*) AS due,
    coalesce(extract(EPOCH FROM now() - min(delivery.next_attempt_at)), 0)::int AS oldest_seconds
FROM econsent.webhook_endpoints AS endpoint
INNER JOIN econsent.webhook_deliveries AS delivery ON endpoint.endpoint_id = delivery.endpoint_id
WHERE
    endpoint.status = 'enabled'
    AND (endpoint.paused_until IS NULL OR endpoint.paused_until <= now())
    AND (endpoint.circuit = 'closed' OR endpoint.circuit_until <= now())
    AND delivery.status IN ('pending', 'retrying', 'delivering')
    AND delivery.next_attempt_at <= now()
