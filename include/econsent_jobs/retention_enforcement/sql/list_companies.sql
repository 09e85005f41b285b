-- Every company has its turn, the closed ones too: what they left may still be locked.
SELECT
    company.company_id,
    company.name,
    company.status,
    (company.status = 'closing' AND company.closing_at + interval '30 days' <= %(now)s) AS closes
FROM econsent.companies AS company
WHERE %(company_id)s::text IS NULL OR company.company_id = %(company_id)s
ORDER BY company.company_id
LIMIT 100000
