-- Claimed and not sent: back to where they stood, as if they had never been claimed.
UPDATE econsent.webhook_deliveries AS delivery
SET
    status = CASE WHEN delivery.attempts = 0 THEN 'pending' ELSE 'retrying' END,
    next_attempt_at = greatest(released.due_at, now() + make_interval(secs => released.wait_seconds)),
    lease_token = NULL,
    leased_until = NULL,
    lost_leases = released.lost_leases,
    last_error_class = coalesce(released.error_class, delivery.last_error_class),
    last_error = coalesce(released.error, delivery.last_error)
FROM
    unnest(
        %(delivery_ids)s::uuid[], %(due_ats)s::timestamptz[], %(lost_leases)s::int[], %(waits_seconds)s::float8[],
        %(error_classes)s::text[], %(errors)s::text[]
    ) AS released (delivery_id, due_at, lost_leases, wait_seconds, error_class, error)
WHERE
    delivery.delivery_id = released.delivery_id
    AND delivery.lease_token = %(lease_token)s
    AND delivery.status = 'delivering'
