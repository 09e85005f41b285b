-- Newest first, for a person; what is not named is not asked for.
SELECT
    delivery.delivery_id,
    delivery.endpoint_id,
    delivery.company_id,
    event.event_type,
    event.subject_id,
    delivery.status,
    delivery.attempts,
    delivery.max_attempts,
    delivery.next_attempt_at,
    delivery.last_status_code,
    delivery.last_error,
    delivery.created_at
FROM econsent.webhook_deliveries AS delivery
INNER JOIN econsent.webhook_events AS event ON delivery.event_id = event.event_id
WHERE
    (%(delivery_id)s::uuid IS NULL OR delivery.delivery_id = %(delivery_id)s::uuid)
    AND (%(endpoint_id)s::text IS NULL OR delivery.endpoint_id = %(endpoint_id)s::text)
    AND (%(company_id)s::text IS NULL OR delivery.company_id = %(company_id)s::text)
    AND (%(event)s::text IS NULL OR event.event_type = %(event)s::text OR event.event_id::text = %(event)s::text)
    AND (%(since)s::timestamptz IS NULL OR event.occurred_at >= %(since)s::timestamptz)
    AND (%(status)s::text IS NULL OR delivery.status = %(status)s::text)
ORDER BY delivery.created_at DESC, delivery.delivery_id ASC
LIMIT %(most)s
