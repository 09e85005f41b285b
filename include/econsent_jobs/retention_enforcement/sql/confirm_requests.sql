-- Confirmed means that the mail left, not that it was written.
UPDATE econsent.deletion_requests AS request
SET confirmation_sent_at = mail.sent_at
FROM econsent.mail_outbox AS mail
WHERE
    request.confirmation_sent_at IS NULL
    AND mail.message_id = 'deletion:' || request.request_id
    AND mail.sent_at IS NOT NULL
RETURNING request.request_id
