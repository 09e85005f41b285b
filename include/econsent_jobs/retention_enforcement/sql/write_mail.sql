-- One mail an occasion: a second try writes nothing.
INSERT INTO econsent.mail_outbox (message_id, company_id, recipients, subject, body)
VALUES (%(message_id)s, %(company_id)s, %(recipients)s, %(subject)s, %(body)s)
ON CONFLICT (message_id) DO NOTHING
