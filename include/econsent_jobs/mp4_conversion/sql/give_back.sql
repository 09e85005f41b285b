-- A worker that is asked to stop gives back what it has in hand, for others to take at once.
UPDATE econsent.video_conversions AS conversion
SET
    status = 'pending',
    lease_token = NULL,
    leased_until = NULL,
    lost_leases = greatest(0, conversion.lost_leases - 1),
    progress_percent = NULL
WHERE
    conversion.conversion_id = %(conversion_id)s
    AND conversion.lease_token = %(lease_token)s
