-- What a further run would find at once, and how long the oldest of it has been waiting since it fell due. What another lane holds is
-- under way, not left over.
SELECT
    count(*) AS due,
    coalesce(extract(EPOCH FROM now() - min(queued.next_attempt_at)), 0)::integer AS oldest_seconds
FROM econsent.certificate_queue AS queued
WHERE
    queued.next_attempt_at <= now()
    AND (queued.leased_until IS NULL OR queued.leased_until < now())
