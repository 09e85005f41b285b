-- One delivery with its event and endpoint, for a person; no body and no secret.
SELECT
    event.event_type,
    event.subject_id,
    event.occurred_at,
    endpoint.endpoint_id,
    endpoint.status AS endpoint_status,
    endpoint.circuit,
    endpoint.circuit_until,
    endpoint.consecutive_failures,
    endpoint.paused_until,
    endpoint.disabled_at,
    delivery.status,
    delivery.attempts,
    delivery.max_attempts,
    delivery.next_attempt_at,
    delivery.last_error_class,
    delivery.last_error,
    delivery.created_at,
    now() AS read_at
FROM econsent.webhook_deliveries AS delivery
INNER JOIN econsent.webhook_events AS event ON delivery.event_id = event.event_id
INNER JOIN econsent.webhook_endpoints AS endpoint ON delivery.endpoint_id = endpoint.endpoint_id
WHERE delivery.delivery_id = %(delivery_id)s
