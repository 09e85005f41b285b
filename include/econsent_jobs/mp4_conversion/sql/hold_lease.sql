-- The fence: only a row that still carries our token may be written; else it is someone else's work by now.
SELECT conversion.conversion_id
FROM econsent.video_conversions AS conversion
WHERE
    conversion.conversion_id = %(conversion_id)s
    AND conversion.lease_token = %(lease_token)s
FOR UPDATE
