-- What was loaded before is left alone, above all its files: a second load comes at another time of day.
SELECT session_id AS reference
FROM econsent.sessions
WHERE company_id = %(company_id)s
UNION ALL
SELECT source_ref AS reference
FROM econsent.certificates
WHERE company_id = %(company_id)s AND source_ref IS NOT NULL
