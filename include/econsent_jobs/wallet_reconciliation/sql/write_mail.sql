-- One mail for one cause, to the people who answer for the company; a company without any gets none.
INSERT INTO econsent.mail_outbox (message_id, company_id, recipients, subject, body)
SELECT
    %(message_id)s,
    %(company_id)s,
    array_agg(member.email ORDER BY member.email),
    %(subject)s,
    %(body)s
FROM econsent.memberships AS member
WHERE
    member.company_id = %(company_id)s
    AND member.role IN ('owner', 'admin')
HAVING count(*) > 0
ON CONFLICT (message_id) DO NOTHING
