-- Excerpts and errors of attempts, as of deliveries.
UPDATE econsent.webhook_attempts AS attempt
SET response_excerpt = NULL, error = CASE WHEN attempt.error IS NULL THEN NULL ELSE 'erased' END
FROM econsent.webhook_events AS event
INNER JOIN econsent.webhook_deliveries AS delivery ON event.event_id = delivery.event_id
WHERE event.company_id = %(company_id)s AND event.subject_id = any(%(subjects)s) AND attempt.delivery_id = delivery.delivery_id
