-- The company that has waited longest for a turn is next, so one with hundreds of recordings delays nobody; within a company, by priority
-- and age. A lease that ran out makes its row claimable again, whoever held it.
WITH open AS (
    SELECT
        conversion.company_id,
        count(*) FILTER (WHERE conversion.status = 'processing' AND conversion.leased_until >= now()) AS in_flight
    FROM econsent.video_conversions AS conversion
    WHERE conversion.status IN ('pending', 'processing')
    GROUP BY conversion.company_id
),

next AS (
    SELECT due.conversion_id
    FROM open
    LEFT JOIN econsent.video_turns AS turn ON open.company_id = turn.company_id
    CROSS JOIN
        LATERAL (
            SELECT
                conversion.conversion_id,
                conversion.queued_at
            FROM econsent.video_conversions AS conversion
            WHERE
                conversion.company_id = open.company_id
                AND conversion.status IN ('pending', 'processing')
                AND conversion.next_attempt_at <= now()
                AND (conversion.leased_until IS NULL OR conversion.leased_until < now())
            ORDER BY conversion.priority DESC, conversion.queued_at ASC
            LIMIT 1
        ) AS due
    WHERE open.in_flight < %(most_in_flight)s
    ORDER BY open.in_flight ASC, turn.served_at ASC NULLS FIRST, due.queued_at ASC
    LIMIT 1
),

claimed AS (
    UPDATE econsent.video_conversions AS conversion
    SET
        status = 'processing',
        lease_token = %(lease_token)s,
        leased_until = now() + make_interval(secs => %(lease_seconds)s),
        lost_leases = conversion.lost_leases + 1,
        started_at = now(),
        progress_percent = 0
    FROM next
    WHERE conversion.conversion_id = next.conversion_id
    RETURNING
        conversion.conversion_id, conversion.company_id, conversion.session_id, conversion.attempts,
        conversion.lost_leases - 1 AS lost_leases
),

served AS (
    INSERT INTO econsent.video_turns AS turn (company_id, served_at)
    SELECT
        claimed.company_id,
        clock_timestamp()
    FROM claimed
    ON CONFLICT (company_id) DO UPDATE SET served_at = excluded.served_at
)

SELECT
    claimed.conversion_id,
    claimed.company_id,
    claimed.session_id,
    claimed.attempts,
    claimed.lost_leases
FROM claimed
