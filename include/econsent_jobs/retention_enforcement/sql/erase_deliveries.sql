-- What receivers answered may repeat what they were sent.
UPDATE econsent.webhook_deliveries AS delivery
SET last_error = NULL
FROM econsent.webhook_events AS event
WHERE
    event.company_id = %(company_id)s
    AND event.subject_id = any(%(subjects)s)
    AND delivery.event_id = event.event_id
    AND delivery.last_error IS NOT NULL
