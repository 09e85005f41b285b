-- What a further run would find at once, and how long the oldest of it has been waiting since it fell due. What another lane holds is
-- under way, not left over.
SELECT
    count(*) AS due,
    coalesce(extract(EPOCH FROM now() - min(conversion.next_attempt_at)), 0)::integer AS oldest_seconds
FROM econsent.video_conversions AS conversion
WHERE
    conversion.status IN ('pending', 'processing')
    AND conversion.next_attempt_at <= now()
    AND (conversion.leased_until IS NULL OR conversion.leased_until < now())
