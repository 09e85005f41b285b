-- A mail under a Message-ID that is the same however often it is queued.
INSERT INTO econsent.mail_outbox (message_id, recipients, subject, body)
VALUES (%(message_id)s, %(recipients)s, %(subject)s, %(body)s)
ON CONFLICT (message_id) DO NOTHING
