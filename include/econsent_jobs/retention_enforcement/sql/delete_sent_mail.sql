-- Mail that left more than thirty days ago.
DELETE FROM econsent.mail_outbox AS mail
USING (
    SELECT old.message_id
    FROM econsent.mail_outbox AS old
    WHERE old.sent_at < %(now)s - interval '30 days'
    ORDER BY old.sent_at
    LIMIT %(batch_size)s
) AS gone
WHERE mail.message_id = gone.message_id
