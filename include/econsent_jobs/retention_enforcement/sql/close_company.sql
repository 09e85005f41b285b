-- Rows stay, erased.
UPDATE econsent.companies AS company
SET status = 'closed', closed_at = %(now)s, name = 'Closed account'
WHERE company.company_id = %(company_id)s AND company.status = 'closing'
RETURNING company.company_id
