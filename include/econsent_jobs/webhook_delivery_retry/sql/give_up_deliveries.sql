-- An endpoint that has been disabled for so long is not coming back by itself; its deliveries are kept, and can be replayed.
WITH given_up AS (
    SELECT delivery.delivery_id
    FROM econsent.webhook_endpoints AS endpoint
    INNER JOIN econsent.webhook_deliveries AS delivery ON endpoint.endpoint_id = delivery.endpoint_id
    WHERE
        endpoint.status IN ('disabled', 'disabled_auto')
        AND endpoint.disabled_at <= now() - %(given_up_after)s::interval
        AND delivery.status IN ('pending', 'retrying', 'delivering')
        AND (delivery.leased_until IS NULL OR delivery.leased_until <= now())
    ORDER BY delivery.delivery_id
    LIMIT %(batch_size)s
    FOR UPDATE OF delivery SKIP LOCKED
)

UPDATE econsent.webhook_deliveries AS delivery
SET
    status = 'exhausted',
    lease_token = NULL,
    leased_until = NULL,
    last_error_class = 'http_delivery',
    last_error = 'the endpoint stayed disabled for 30 days'
FROM given_up
WHERE delivery.delivery_id = given_up.delivery_id
RETURNING delivery.delivery_id
