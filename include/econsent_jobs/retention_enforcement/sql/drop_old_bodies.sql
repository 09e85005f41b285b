-- Bodies thirty days after the last of their deliveries ended; the event stays.
UPDATE econsent.webhook_events AS event
SET body = NULL
FROM (
    SELECT old.event_id
    FROM econsent.webhook_events AS old
    WHERE
        old.body IS NOT NULL
        AND old.fanned_out_at < %(now)s - interval '30 days'
        AND NOT EXISTS (
            SELECT FROM econsent.webhook_deliveries AS delivery
            WHERE
                delivery.event_id = old.event_id
                AND (
                    delivery.status NOT IN ('delivered', 'exhausted', 'cancelled')
                    OR coalesce(delivery.delivered_at, delivery.next_attempt_at) >= %(now)s - interval '30 days'
                )
        )
    LIMIT %(batch_size)s
) AS gone
WHERE event.event_id = gone.event_id
