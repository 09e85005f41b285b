-- What waits for a second person today.
SELECT
    asked.company_id,
    company.name,
    asked.selected,
    asked.gone_today,
    asked.whole,
    asked.sentence
FROM econsent.mass_deletions AS asked
INNER JOIN econsent.companies AS company ON asked.company_id = company.company_id
WHERE asked.run_id = %(run_id)s AND asked.decision IS NULL
ORDER BY asked.company_id
LIMIT 1000
