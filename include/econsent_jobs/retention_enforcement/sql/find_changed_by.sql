-- Companies whose settings this person changed lately, as the platform's audit log has it.
SELECT DISTINCT entry.company_id
FROM econsent.audit_log AS entry
WHERE
    entry.company_id = any(%(company_ids)s)
    AND entry.category = 'configuration'
    AND lower(entry."user") = lower(%(by)s)
    AND entry."timestamp" > now() - make_interval(days => %(within_days)s)
ORDER BY entry.company_id
