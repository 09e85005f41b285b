-- Writes down what became of one mail, unless its lease ended and it is another worker's by now.
UPDATE econsent.mail_outbox
SET
    sent_at = CASE WHEN %(outcome)s = 'sent' THEN now() END,
    failed_at = CASE WHEN %(outcome)s = 'failed' THEN now() END,
    next_attempt_at = now() + %(delay)s,
    last_error = %(error)s,
    lease_token = NULL,
    leased_until = NULL
WHERE message_id = %(message_id)s AND lease_token = %(lease_token)s;
