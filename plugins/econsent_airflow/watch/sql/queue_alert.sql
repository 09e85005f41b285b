-- A message for one channel, under a name that is the same however often it is queued.
INSERT INTO econsent.alert_outbox (message_id, channel, payload) VALUES (%(message_id)s, %(channel)s, %(payload)s)
ON CONFLICT (message_id) DO NOTHING
