-- A delivery whose worker was lost may be what ended it: such ones go one at a time for each endpoint, and few in all, so that the next
-- loss convicts the right one and not its neighbours.
WITH suspect AS (
    SELECT DISTINCT ON (delivery.endpoint_id)
        delivery.delivery_id,
        delivery.endpoint_id,
        delivery.next_attempt_at
    FROM econsent.webhook_deliveries AS delivery
    INNER JOIN econsent.webhook_endpoints AS endpoint ON delivery.endpoint_id = endpoint.endpoint_id
    WHERE
        delivery.lost_leases > 0
        AND delivery.status IN ('pending', 'retrying', 'delivering')
        AND delivery.next_attempt_at <= now()
        AND endpoint.status = 'enabled'
        AND (endpoint.paused_until IS NULL OR endpoint.paused_until <= now())
        AND (endpoint.circuit = 'closed' OR endpoint.circuit_until <= now())
        AND (endpoint.rate_free_at IS NULL OR endpoint.rate_free_at <= now())
        AND delivery.endpoint_id <> all(%(busy_endpoint_ids)s::text[])
        AND NOT EXISTS (
            SELECT FROM econsent.webhook_deliveries AS other
            WHERE
                other.endpoint_id = delivery.endpoint_id
                AND other.status = 'delivering'
                AND other.leased_until > now()
                AND (other.lease_token <> %(lease_token)s OR other.lost_leases > 1)
        )
    ORDER BY delivery.endpoint_id, delivery.next_attempt_at
),

oldest AS (
    SELECT suspect.delivery_id
    FROM suspect
    ORDER BY suspect.next_attempt_at
    LIMIT %(batch_size)s
),

due AS (
    SELECT
        delivery.delivery_id,
        delivery.next_attempt_at
    FROM econsent.webhook_deliveries AS delivery
    INNER JOIN oldest ON delivery.delivery_id = oldest.delivery_id
    WHERE delivery.next_attempt_at <= now()
    ORDER BY delivery.next_attempt_at
    LIMIT %(batch_size)s
    FOR UPDATE OF delivery SKIP LOCKED
),

claimed AS (
    UPDATE econsent.webhook_deliveries AS delivery
    SET
        status = 'delivering',
        lease_token = %(lease_token)s,
        leased_until = now() + make_interval(secs => %(lease_seconds)s),
        next_attempt_at = now() + make_interval(secs => %(lease_seconds)s),
        lost_leases = delivery.lost_leases + 1
    FROM due
    WHERE delivery.delivery_id = due.delivery_id
    RETURNING
        delivery.delivery_id, delivery.event_id, delivery.endpoint_id, delivery.company_id, delivery.attempts, delivery.max_attempts,
        delivery.lost_leases - 1 AS lost_leases, due.next_attempt_at AS due_at
),

touched AS (
    UPDATE econsent.webhook_endpoints AS endpoint
    SET
        circuit = CASE WHEN endpoint.circuit = 'closed' THEN 'closed' ELSE 'half_open' END,
        circuit_until = CASE
            WHEN endpoint.circuit = 'closed' THEN endpoint.circuit_until
            ELSE now() + make_interval(secs => %(lease_seconds)s)
        END,
        rate_free_at = CASE
            WHEN endpoint.max_per_second IS NULL THEN endpoint.rate_free_at
            ELSE now() + make_interval(secs => 1 / endpoint.max_per_second)
        END
    FROM claimed
    WHERE
        endpoint.endpoint_id = claimed.endpoint_id
        AND (endpoint.circuit <> 'closed' OR endpoint.max_per_second IS NOT NULL)
    RETURNING endpoint.endpoint_id
)

SELECT
    claimed.delivery_id,
    claimed.event_id,
    claimed.endpoint_id,
    claimed.company_id,
    claimed.attempts,
    claimed.max_attempts,
    claimed.lost_leases,
    claimed.due_at,
    FALSE AS proven,
    endpoint.first_failure_at IS NOT NULL AS failing,
    event.event_type,
    event.subject_id,
    event.body,
    event.occurred_at,
    endpoint.url,
    endpoint.http_method,
    endpoint.max_in_flight,
    now() AS read_at,
    (SELECT count(*) FROM touched) AS touched
FROM claimed
INNER JOIN econsent.webhook_events AS event ON claimed.event_id = event.event_id
INNER JOIN econsent.webhook_endpoints AS endpoint ON claimed.endpoint_id = endpoint.endpoint_id
ORDER BY claimed.due_at
