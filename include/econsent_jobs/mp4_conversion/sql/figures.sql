-- The dashboard's row: backlog, age of its oldest item in seconds, and the job's own figure with its label.
SELECT
    count(*) FILTER (WHERE conversion.next_attempt_at <= now()) AS backlog,
    extract(EPOCH FROM now() - min(conversion.queued_at) FILTER (WHERE conversion.next_attempt_at <= now())) AS oldest_seconds,
    'percent done of the videos being made' AS figure_label,
    round(
        avg(conversion.progress_percent) FILTER (WHERE conversion.status = 'processing' AND conversion.leased_until >= now())
    ) AS figure
FROM econsent.video_conversions AS conversion
WHERE conversion.status IN ('pending', 'processing')
