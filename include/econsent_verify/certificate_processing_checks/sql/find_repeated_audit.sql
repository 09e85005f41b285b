-- A certificate is generated once in its life.
SELECT
    entry.details ->> 'certificate_id' AS certificate_id,
    count(*) AS entries
FROM econsent.audit_log AS entry
WHERE
    entry.company_id = %(company_id)s
    AND entry.category = 'certificates'
    AND entry.action = 'certificate.generated'
GROUP BY entry.details ->> 'certificate_id'
HAVING count(*) > 1
ORDER BY certificate_id
LIMIT %(most)s
