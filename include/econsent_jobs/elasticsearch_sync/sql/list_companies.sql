-- Companies in their one order, a page at a time.
SELECT company.company_id
FROM econsent.companies AS company
WHERE company.company_id > %(after)s
ORDER BY company.company_id
LIMIT %(most)s
