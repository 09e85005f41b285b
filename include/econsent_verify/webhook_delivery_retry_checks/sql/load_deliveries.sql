-- All deliveries of a page of events.
SELECT
    d.delivery_id,
    d.event_id,
    d.endpoint_id,
    d.company_id,
    d.status,
    d.attempts,
    d.max_attempts,
    d.lost_leases,
    d.next_attempt_at,
    d.lease_token,
    d.leased_until,
    d.last_status_code,
    d.last_error_class,
    d.last_error,
    d.created_at,
    d.delivered_at
FROM econsent.webhook_deliveries AS d
WHERE d.event_id = any(%(event_ids)s)
ORDER BY d.event_id, d.endpoint_id, d.delivery_id
