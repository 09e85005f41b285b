-- All deliveries of a page of events, and whether the audit trail says that a person had them sent again.
WITH companies AS (
    SELECT DISTINCT e.company_id
    FROM econsent.webhook_events AS e
    WHERE e.event_id = any(%(event_ids)s)
),

replayed AS (
    SELECT ids.delivery_id::uuid AS delivery_id
    FROM econsent.audit_log AS l
    CROSS JOIN LATERAL jsonb_array_elements_text(l.details -> 'deliveryIds') AS ids (delivery_id)
    WHERE
        l.action = 'webhook.replayed'
        AND l.company_id IN (SELECT companies.company_id FROM companies)
)

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
    d.delivered_at,
    d.delivery_id IN (SELECT replayed.delivery_id FROM replayed) AS replayed
FROM econsent.webhook_deliveries AS d
WHERE d.event_id = any(%(event_ids)s)
ORDER BY d.event_id, d.endpoint_id, d.delivery_id
