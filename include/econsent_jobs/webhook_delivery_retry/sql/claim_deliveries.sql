-- Oldest due first within each endpoint, and one from each endpoint before a second from any: never one order over all of them.
-- An endpoint is one lane's at a time, so that its limits can be kept in that lane's memory; and a lane takes no more than its share of
-- the endpoints of each kind (proven, new, failing) that have work, so that all lanes have some, and those that fail crowd nobody out.
WITH known AS (
    SELECT
        known.endpoint_id,
        known.room,
        known.proven,
        known.failing,
        known.held
    FROM
        unnest(%(endpoint_ids)s::text[], %(rooms)s::int[], %(proven)s::bool[], %(failing)s::bool[], %(held)s::bool[])
            AS known (endpoint_id, room, proven, failing, held)
),

lanes AS (
    SELECT greatest(1, count(*)) AS present
    FROM pg_catalog.pg_locks AS lock
    WHERE
        lock.locktype = 'advisory'
        AND lock.classid = 730580440
        AND lock.objid = 2
        AND lock.objsubid = 2
        AND lock.mode = 'ShareLock'
        AND lock.granted
        AND lock.database = (
            SELECT db.oid FROM pg_catalog.pg_database AS db
            WHERE db.datname = current_database()
        )
),

candidate AS (
    SELECT
        endpoint.endpoint_id,
        endpoint.circuit,
        endpoint.max_per_second,
        greatest(
            coalesce(endpoint.rate_free_at, '-infinity'),
            now() - make_interval(secs => greatest(0.5, 1 / endpoint.max_per_second))
        ) AS rate_from,
        CASE WHEN endpoint.circuit = 'closed' THEN coalesce(known.room, 1) ELSE least(1, coalesce(known.room, 1)) END AS room,
        coalesce(
            known.proven,
            endpoint.circuit = 'closed' AND endpoint.first_failure_at IS NULL AND endpoint.last_success_at > now() - interval '1 hour',
            FALSE
        ) AS proven,
        endpoint.circuit <> 'closed' OR coalesce(known.failing, endpoint.first_failure_at IS NOT NULL) AS failing,
        coalesce(known.held, FALSE) AS held
    FROM econsent.webhook_endpoints AS endpoint
    LEFT JOIN known ON endpoint.endpoint_id = known.endpoint_id
    WHERE
        endpoint.status = 'enabled'
        AND (endpoint.paused_until IS NULL OR endpoint.paused_until <= now())
        AND (endpoint.circuit = 'closed' OR endpoint.circuit_until <= now())
),

limited AS (
    SELECT
        candidate.endpoint_id,
        candidate.rate_from,
        candidate.proven,
        candidate.failing,
        candidate.held,
        CASE WHEN candidate.failing THEN 'failing' WHEN candidate.proven THEN 'proven' ELSE 'new' END AS kind,
        CASE
            WHEN candidate.max_per_second IS NULL THEN candidate.room
            ELSE least(
                candidate.room,
                floor(extract(EPOCH FROM now() - candidate.rate_from) * candidate.max_per_second + 0.000001)::int
            )
        END AS wanted
    FROM candidate
),

busy AS (
    SELECT
        limited.endpoint_id,
        limited.rate_from,
        limited.proven,
        limited.failing,
        limited.wanted,
        limited.held,
        limited.kind,
        head.next_attempt_at,
        count(*) OVER (PARTITION BY limited.kind) AS of_its_kind
    FROM limited
    CROSS JOIN LATERAL (
        SELECT delivery.next_attempt_at
        FROM econsent.webhook_deliveries AS delivery
        WHERE
            delivery.endpoint_id = limited.endpoint_id
            AND delivery.status IN ('pending', 'retrying', 'delivering')
            AND delivery.next_attempt_at <= now()
        ORDER BY delivery.next_attempt_at
        LIMIT 1
    ) AS head
),

ours AS (
    SELECT
        busy.endpoint_id,
        busy.rate_from,
        busy.proven,
        busy.failing,
        busy.wanted,
        busy.next_attempt_at,
        busy.kind,
        busy.of_its_kind,
        row_number() OVER (PARTITION BY busy.kind ORDER BY NOT busy.held, busy.next_attempt_at) AS share_place
    FROM busy
    WHERE NOT EXISTS (
        SELECT FROM econsent.webhook_deliveries AS other
        WHERE
            other.endpoint_id = busy.endpoint_id
            AND other.status = 'delivering'
            AND other.leased_until > now()
            AND other.lease_token <> %(lease_token)s
    )
),

waiting AS (
    SELECT
        ours.endpoint_id,
        ours.rate_from,
        ours.proven,
        ours.failing,
        ours.wanted,
        ours.kind,
        row_number() OVER (PARTITION BY ours.kind ORDER BY ours.next_attempt_at) AS turn
    FROM ours
    WHERE
        ours.wanted > 0
        AND ours.share_place * (SELECT lanes.present FROM lanes) < ours.of_its_kind + (SELECT lanes.present FROM lanes)
),

due AS (
    SELECT
        delivery.delivery_id,
        delivery.next_attempt_at,
        row_number() OVER (PARTITION BY waiting.endpoint_id ORDER BY delivery.next_attempt_at, delivery.delivery_id) AS place,
        waiting.endpoint_id,
        waiting.proven,
        waiting.failing
    FROM waiting
    CROSS JOIN
        LATERAL (
            SELECT
                open.delivery_id,
                open.next_attempt_at
            FROM econsent.webhook_deliveries AS open
            WHERE
                open.endpoint_id = waiting.endpoint_id
                AND open.status IN ('pending', 'retrying', 'delivering')
                AND open.next_attempt_at <= now()
                AND open.lost_leases = 0
            ORDER BY open.next_attempt_at, open.delivery_id
            LIMIT waiting.wanted
            FOR UPDATE SKIP LOCKED
        ) AS delivery
    WHERE
        waiting.turn <= CASE waiting.kind
            WHEN 'failing' THEN %(failing_room)s
            WHEN 'proven' THEN %(batch_size)s
            ELSE %(new_room)s
        END
),

chosen AS (
    SELECT
        due.delivery_id,
        due.endpoint_id,
        due.next_attempt_at,
        due.proven,
        due.failing
    FROM due
    ORDER BY due.place, due.next_attempt_at
    LIMIT %(batch_size)s
),

claimed AS (
    UPDATE econsent.webhook_deliveries AS delivery
    SET
        status = 'delivering',
        lease_token = %(lease_token)s,
        leased_until = now() + make_interval(secs => %(lease_seconds)s),
        next_attempt_at = now() + make_interval(secs => %(lease_seconds)s),
        lost_leases = delivery.lost_leases + 1
    FROM chosen
    WHERE delivery.delivery_id = chosen.delivery_id
    RETURNING
        delivery.delivery_id, delivery.event_id, delivery.endpoint_id, delivery.company_id, delivery.attempts, delivery.max_attempts,
        delivery.lost_leases - 1 AS lost_leases, chosen.next_attempt_at AS due_at, chosen.proven, chosen.failing
),

taken AS (
    SELECT
        claimed.endpoint_id,
        count(*) AS deliveries
    FROM claimed
    GROUP BY claimed.endpoint_id
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
            ELSE waiting.rate_from + make_interval(secs => taken.deliveries / endpoint.max_per_second)
        END
    FROM taken
    INNER JOIN waiting ON taken.endpoint_id = waiting.endpoint_id
    WHERE
        endpoint.endpoint_id = taken.endpoint_id
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
    claimed.proven,
    claimed.failing,
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
ORDER BY claimed.due_at, claimed.delivery_id
