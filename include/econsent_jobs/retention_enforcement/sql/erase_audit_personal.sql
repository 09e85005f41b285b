-- The chain keeps the salted hash; without salt and text it says nothing.
DELETE FROM econsent.audit_personal AS personal
USING econsent.audit_log AS entry
WHERE
    entry.audit_id = personal.audit_id
    AND entry.company_id = %(company_id)s
    AND (
        entry.details ->> 'certificate_id' = any(%(subjects)s)
        OR entry.details ->> 'session_id' = any(%(subjects)s)
        OR entry.details ->> 'certificate_pk' = any(%(doc_keys)s)
    )
