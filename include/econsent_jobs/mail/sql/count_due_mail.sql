-- Says how much mail is due, and for how long the oldest of it has been (seconds).
SELECT
    count(*)::int AS due,
    coalesce(extract(EPOCH FROM now() - min(next_attempt_at)), 0)::int AS oldest_seconds
FROM econsent.mail_outbox
WHERE sent_at IS NULL AND failed_at IS NULL AND next_attempt_at <= now();
