-- Takes the mail that has been due longest, under a lease: what another worker has in hand is left alone until its lease ends.
UPDATE econsent.mail_outbox AS mail
SET
    attempts = mail.attempts + 1,
    lease_token = %(lease_token)s,
    leased_until = now() + make_interval(secs => %(lease_seconds)s)
FROM (
    SELECT waiting.message_id
    FROM econsent.mail_outbox AS waiting
    WHERE
        waiting.sent_at IS NULL AND waiting.failed_at IS NULL AND waiting.next_attempt_at <= now()
        AND (waiting.leased_until IS NULL OR waiting.leased_until < now())
    ORDER BY waiting.next_attempt_at, waiting.message_id
    LIMIT %(most)s
    FOR UPDATE SKIP LOCKED
) AS due
WHERE mail.message_id = due.message_id
RETURNING mail.message_id, mail.recipients, mail.subject, mail.body, mail.attempts, mail.created_at, mail.lease_token;
