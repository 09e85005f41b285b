-- Every company, in order.
SELECT company.company_id
FROM econsent.companies AS company
WHERE %(company_id)s::text IS NULL OR company.company_id = %(company_id)s
ORDER BY company.company_id
