-- By their de-duplication keys, which are indexed; what stands under another key is found by find_repeated_audit.
SELECT
    entry.dedupe_key,
    entry.company_id,
    entry.action,
    entry.category,
    entry.details ->> 'certificate_id' AS certificate_id,
    entry.details ->> 'archived' AS archived
FROM econsent.audit_log AS entry
WHERE entry.dedupe_key = any(%(dedupe_keys)s)
