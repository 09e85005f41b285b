-- A renderer's message may quote the page.
UPDATE econsent.video_conversions AS conversion
SET last_error = NULL
WHERE conversion.company_id = %(company_id)s AND conversion.session_id = any(%(session_ids)s) AND conversion.last_error IS NOT NULL
