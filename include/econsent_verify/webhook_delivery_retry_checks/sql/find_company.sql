-- Whether a company that was asked for exists.
SELECT c.company_id FROM econsent.companies AS c
WHERE c.company_id = %(company_id)s
