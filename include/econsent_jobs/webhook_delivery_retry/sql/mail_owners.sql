-- To a company's owner and admins, in the transaction of what it tells; the message id is made of the cause, so nobody is told twice.
INSERT INTO econsent.mail_outbox (message_id, company_id, recipients, subject, body)
SELECT
    mail.message_id,
    mail.company_id,
    array_agg(member.email ORDER BY member.email),
    mail.subject,
    mail.body
FROM
    unnest(%(message_ids)s::text[], %(company_ids)s::text[], %(subjects)s::text[], %(bodies)s::text[])
        AS mail (message_id, company_id, subject, body)
INNER JOIN econsent.memberships AS member ON mail.company_id = member.company_id
WHERE member.role IN ('owner', 'admin')
GROUP BY mail.message_id, mail.company_id, mail.subject, mail.body
ON CONFLICT (message_id) DO NOTHING
