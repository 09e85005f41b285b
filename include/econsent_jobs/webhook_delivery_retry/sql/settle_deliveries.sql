-- The fence: only a row that still carries our token, after as many attempts as we know of, is written, and its attempt with it.
WITH ended AS (
    SELECT
        ended.delivery_id,
        ended.attempts,
        ended.status,
        ended.delay_seconds,
        ended.error_class,
        ended.error,
        ended.outcome,
        ended.ago_seconds,
        ended.duration_ms,
        ended.address,
        ended.status_code,
        ended.excerpt,
        ended.backoff_seconds,
        ended.jitter_percent,
        ended.retry_after_seconds
    FROM
        unnest(
            %(delivery_ids)s::uuid[], %(attempts)s::int[], %(statuses)s::text[], %(delays_seconds)s::float8[], %(error_classes)s::text[],
            %(errors)s::text[], %(outcomes)s::text[], %(agos_seconds)s::float8[], %(durations_ms)s::int[], %(addresses)s::inet[],
            %(status_codes)s::int[], %(excerpts)s::text[], %(backoffs_seconds)s::int[], %(jitters_percent)s::int[],
            %(retry_afters_seconds)s::int[]
        ) AS ended (
            delivery_id, attempts, status, delay_seconds, error_class, error, outcome, ago_seconds, duration_ms, address, status_code,
            excerpt, backoff_seconds, jitter_percent, retry_after_seconds
        )
),

settled AS (
    UPDATE econsent.webhook_deliveries AS delivery
    SET
        status = ended.status,
        attempts = delivery.attempts + CASE WHEN ended.outcome IS NULL THEN 0 ELSE 1 END,
        next_attempt_at = now() + make_interval(secs => coalesce(ended.delay_seconds, 0)),
        lease_token = NULL,
        leased_until = NULL,
        lost_leases = 0,
        last_status_code = ended.status_code,
        last_error_class = ended.error_class,
        last_error = ended.error,
        delivered_at = CASE WHEN ended.status = 'delivered' THEN now() END
    FROM ended
    WHERE
        delivery.delivery_id = ended.delivery_id
        AND delivery.attempts = ended.attempts
        AND delivery.lease_token = %(lease_token)s
        AND delivery.status = 'delivering'
    RETURNING delivery.delivery_id
),

noted AS (
    INSERT INTO econsent.webhook_attempts (
        delivery_id, attempt_no, started_at, duration_ms, resolved_ip, status_code, response_excerpt, outcome, error, run_id,
        backoff_seconds, jitter_percent, retry_after_seconds
    )
    SELECT
        ended.delivery_id,
        ended.attempts + 1,
        now() - make_interval(secs => ended.ago_seconds),
        ended.duration_ms,
        ended.address,
        ended.status_code,
        ended.excerpt,
        ended.outcome,
        ended.error,
        %(run_id)s,
        ended.backoff_seconds,
        ended.jitter_percent,
        ended.retry_after_seconds
    FROM settled
    INNER JOIN ended ON settled.delivery_id = ended.delivery_id
    WHERE ended.outcome IS NOT NULL
    RETURNING delivery_id
)

SELECT
    settled.delivery_id,
    (SELECT count(*) FROM noted) AS noted
FROM settled
