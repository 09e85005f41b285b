-- A session is looked for in one company after the other: a statement over all of them would open every partition.
SELECT company.company_id
FROM econsent.companies AS company
WHERE
    %(company_id)s::text IS NULL
    OR company.company_id = %(company_id)s
ORDER BY company.company_id
