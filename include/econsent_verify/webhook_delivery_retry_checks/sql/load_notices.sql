-- What the audit trail says of endpoints that the job disabled.
SELECT
    l.details ->> 'endpointId' AS endpoint_id,
    l.company_id,
    l.category,
    l."timestamp" AS at
FROM econsent.audit_log AS l
WHERE l.action = 'webhook.disabled' AND (%(company_id)s::text IS NULL OR l.company_id = %(company_id)s)
ORDER BY l.audit_id
