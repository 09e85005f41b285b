-- Those that wait, are being made, are done or failed, the latest first; no consumer's data.
SELECT
    conversion.company_id,
    conversion.session_id,
    conversion.status,
    conversion.progress_percent,
    conversion.error_class,
    conversion.last_error,
    conversion.duration_ms,
    coalesce(conversion.finished_at, conversion.started_at, conversion.queued_at) AS at
FROM econsent.video_conversions AS conversion
WHERE
    conversion.company_id = %(company_id)s
    AND (%(status)s::text IS NULL OR conversion.status = %(status)s)
    AND (%(error_class)s::text IS NULL OR conversion.error_class = %(error_class)s)
ORDER BY coalesce(conversion.finished_at, conversion.started_at, conversion.queued_at) DESC
LIMIT %(most)s
