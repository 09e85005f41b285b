-- What was written to companies about endpoints that the job disabled; which endpoint, the message's id says.
SELECT
    m.message_id,
    m.company_id,
    cardinality(m.recipients) AS recipients,
    m.created_at AS at
FROM econsent.mail_outbox AS m
WHERE m.message_id LIKE '<webhook-disabled.%%' AND (%(company_id)s::text IS NULL OR m.company_id = %(company_id)s)
ORDER BY m.message_id
