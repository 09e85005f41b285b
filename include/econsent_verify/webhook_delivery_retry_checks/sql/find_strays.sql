-- Deliveries and attempts that belong to nothing; foreign keys ought to make them impossible, so one is a damaged database.
SELECT
    d.company_id,
    d.delivery_id
FROM econsent.webhook_deliveries AS d
LEFT JOIN econsent.webhook_events AS e ON d.event_id = e.event_id
LEFT JOIN econsent.webhook_endpoints AS w ON d.endpoint_id = w.endpoint_id
WHERE e.event_id IS NULL OR w.endpoint_id IS NULL
ORDER BY d.delivery_id
LIMIT 1000
