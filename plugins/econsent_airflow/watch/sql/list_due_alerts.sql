-- Messages to send now. Only one watch works at a time, so nothing has to be leased.
SELECT message_id, channel, payload, attempts, created_at FROM econsent.alert_outbox
WHERE sent_at IS NULL AND given_up_at IS NULL AND next_attempt_at <= now()
ORDER BY next_attempt_at, message_id
LIMIT %(most)s
