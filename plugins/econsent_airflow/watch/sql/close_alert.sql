-- What became of a message. After a day of tries it is given up; the incident itself stands in the audit trail.
UPDATE econsent.alert_outbox SET
    attempts = attempts + 1,
    sent_at = CASE WHEN %(error)s::text IS NULL THEN now() END,
    last_error = %(error)s,
    given_up_at = CASE WHEN %(error)s::text IS NOT NULL AND created_at < now() - interval '1 day' THEN now() END,
    next_attempt_at = now() + least(interval '10 minutes', interval '5 seconds' * (2 ^ least(attempts, 10)))
WHERE message_id = %(message_id)s
