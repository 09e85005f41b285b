-- Nobody is left to receive them. What is in hand is left to its lane.
WITH orphaned AS (
    SELECT delivery.delivery_id
    FROM econsent.webhook_endpoints AS endpoint
    INNER JOIN econsent.webhook_deliveries AS delivery ON endpoint.endpoint_id = delivery.endpoint_id
    WHERE
        endpoint.status = 'deleted'
        AND delivery.status IN ('pending', 'retrying', 'delivering')
        AND (delivery.leased_until IS NULL OR delivery.leased_until <= now())
    ORDER BY delivery.delivery_id
    LIMIT %(batch_size)s
    FOR UPDATE OF delivery SKIP LOCKED
)

UPDATE econsent.webhook_deliveries AS delivery
SET
    status = 'cancelled',
    lease_token = NULL,
    leased_until = NULL,
    last_error_class = 'http_delivery',
    last_error = 'the endpoint was deleted'
FROM orphaned
WHERE delivery.delivery_id = orphaned.delivery_id
RETURNING delivery.delivery_id
