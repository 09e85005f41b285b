-- The video counts: its lease ends with its conversion.
UPDATE econsent.video_conversions AS conversion
SET
    status = 'completed',
    finished_at = now(),
    lease_token = NULL,
    leased_until = NULL,
    lost_leases = 0,
    progress_percent = 100,
    storage_object_id = %(storage_object_id)s,
    error_class = NULL,
    last_error = NULL
WHERE
    conversion.conversion_id = %(conversion_id)s
    AND conversion.lease_token = %(lease_token)s
