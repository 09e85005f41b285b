-- Whether a run should start now: a recording that nobody has in hand and whose time has come. A notification may have been lost for it.
SELECT count(*) > 0 AS waiting
FROM (
    SELECT conversion.conversion_id
    FROM econsent.video_conversions AS conversion
    WHERE
        conversion.status IN ('pending', 'processing')
        AND conversion.next_attempt_at <= now()
        AND (conversion.leased_until IS NULL OR conversion.leased_until < now())
    ORDER BY conversion.next_attempt_at
    LIMIT 1
) AS due
