-- A renderer's message may quote the page, and a video that could not be stored shows it: its files are nobody's then, and housekeeping
-- removes them.
WITH unsealed AS (
    DELETE FROM econsent.sealed_files AS sealed
    USING econsent.video_conversions AS conversion
    WHERE
        sealed.company_id = %(company_id)s
        AND sealed.session_id = any(%(session_ids)s)
        AND sealed.kind IN ('video', 'poster', 'sidecar')
        AND conversion.company_id = %(company_id)s
        AND conversion.session_id = sealed.session_id
        AND conversion.status = 'failed'
)

UPDATE econsent.video_conversions AS conversion
SET last_error = NULL
WHERE conversion.company_id = %(company_id)s AND conversion.session_id = any(%(session_ids)s) AND conversion.last_error IS NOT NULL
