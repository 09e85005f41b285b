-- It never comes to its end without a person.
UPDATE econsent.video_conversions AS conversion
SET
    status = 'failed',
    finished_at = now(),
    lease_token = NULL,
    leased_until = NULL,
    lost_leases = greatest(0, conversion.lost_leases - 1),
    progress_percent = NULL,
    attempts = conversion.attempts + 1,
    error_class = %(error_class)s,
    last_error = %(reason)s
WHERE
    conversion.conversion_id = %(conversion_id)s
    AND conversion.lease_token = %(lease_token)s
