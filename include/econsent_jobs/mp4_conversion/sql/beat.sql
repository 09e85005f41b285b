-- The lease goes on while the video is being made, and everybody sees how far it is. No row means that it is someone else's by now.
UPDATE econsent.video_conversions AS conversion
SET
    leased_until = now() + make_interval(secs => %(lease_seconds)s),
    progress_percent = %(percent)s
WHERE
    conversion.conversion_id = %(conversion_id)s
    AND conversion.lease_token = %(lease_token)s
RETURNING conversion.conversion_id
