-- Not to be made yet: free the lease without counting an attempt.
UPDATE econsent.video_conversions AS conversion
SET
    status = 'pending',
    lease_token = NULL,
    leased_until = NULL,
    lost_leases = greatest(0, conversion.lost_leases - 1),
    progress_percent = NULL,
    next_attempt_at = %(next_attempt_at)s
WHERE
    conversion.conversion_id = %(conversion_id)s
    AND conversion.lease_token = %(lease_token)s
