-- The same rows are reopened, under the same ids: their numbering goes on, and they get 16 more attempts. What waits already is due now.
-- What was dropped cannot be sent again, and what is in hand is left to its lane. Each is named in the audit trail, a thousand an entry.
WITH replayed AS (
    UPDATE econsent.webhook_deliveries AS delivery
    SET
        status = CASE WHEN delivery.attempts = 0 THEN 'pending' ELSE 'retrying' END,
        max_attempts = CASE
            WHEN delivery.status IN ('pending', 'retrying') THEN delivery.max_attempts
            ELSE delivery.attempts + 16
        END,
        lost_leases = 0,
        next_attempt_at = now(),
        delivered_at = NULL
    FROM econsent.webhook_events AS event, econsent.webhook_endpoints AS endpoint
    WHERE
        delivery.event_id = event.event_id
        AND delivery.endpoint_id = endpoint.endpoint_id
        AND delivery.delivery_id = any(%(delivery_ids)s)
        AND delivery.status <> 'delivering'
        AND event.body IS NOT NULL
        AND endpoint.status <> 'deleted'
    RETURNING delivery.delivery_id, delivery.company_id
),

listed AS (
    SELECT
        replayed.company_id,
        replayed.delivery_id,
        (row_number() OVER (PARTITION BY replayed.company_id ORDER BY replayed.delivery_id) - 1) / 1000 AS entry_no
    FROM replayed
),

audited AS (
    INSERT INTO econsent.audit_log (company_id, action, category, "user", details)
    SELECT
        listed.company_id,
        'webhook.replayed',
        'webhooks',
        %(user)s,
        jsonb_build_object('deliveries', count(*), 'deliveryIds', array_agg(listed.delivery_id))
    FROM listed
    GROUP BY listed.company_id, listed.entry_no
    RETURNING audit_id
)

SELECT
    replayed.delivery_id,
    (SELECT count(*) FROM audited) AS audited
FROM replayed
