-- Each event becomes one delivery for each endpoint that subscribed to it, exactly once: the rows and the mark are one statement.
-- A paused or disabled endpoint's queue grows as well, until it has been disabled for so long that nobody waits for it any more.
WITH fresh AS (
    SELECT
        event.event_id,
        event.company_id,
        event.event_type,
        event.occurred_at
    FROM econsent.webhook_events AS event
    WHERE event.fanned_out_at IS NULL
    ORDER BY event.occurred_at
    LIMIT %(batch_size)s
    FOR NO KEY UPDATE SKIP LOCKED
),

created AS (
    INSERT INTO econsent.webhook_deliveries (event_id, endpoint_id, company_id, next_attempt_at)
    SELECT
        fresh.event_id,
        endpoint.endpoint_id,
        fresh.company_id,
        least(fresh.occurred_at, now())
    FROM fresh
    INNER JOIN econsent.webhook_endpoints AS endpoint ON fresh.company_id = endpoint.company_id
    WHERE
        endpoint.status <> 'deleted'
        AND (endpoint.disabled_at IS NULL OR endpoint.disabled_at > now() - %(given_up_after)s::interval)
        AND endpoint.created_at <= fresh.occurred_at
        AND (cardinality(endpoint.events) = 0 OR fresh.event_type = any(endpoint.events))
    ON CONFLICT (event_id, endpoint_id) DO NOTHING
    RETURNING delivery_id
),

marked AS (
    UPDATE econsent.webhook_events AS event
    SET fanned_out_at = now()
    FROM fresh
    WHERE event.event_id = fresh.event_id
    RETURNING event.event_id
)

SELECT
    (SELECT count(*) FROM marked) AS events,
    (SELECT count(*) FROM created) AS deliveries
