-- A transient failure: count it, free the lease, and try again later.
UPDATE econsent.video_conversions AS conversion
SET
    status = 'pending',
    lease_token = NULL,
    leased_until = NULL,
    lost_leases = 0,
    progress_percent = NULL,
    attempts = conversion.attempts + 1,
    next_attempt_at = now() + make_interval(secs => %(delay_seconds)s),
    error_class = %(error_class)s,
    last_error = %(reason)s
WHERE
    conversion.conversion_id = %(conversion_id)s
    AND conversion.lease_token = %(lease_token)s
