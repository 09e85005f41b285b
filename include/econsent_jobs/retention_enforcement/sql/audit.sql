-- Once an occasion. No personal data: things are named by their ids.
INSERT INTO econsent.audit_log (company_id, action, category, "user", details, dedupe_key)
SELECT
    %(company_id)s,
    entry.action,
    entry.category,
    %(user)s,
    entry.details,
    entry.dedupe_key
FROM
    unnest(%(actions)s::text[], %(categories)s::text[], %(details)s::jsonb[], %(dedupe_keys)s::text[])
        AS entry (action, category, details, dedupe_key)
ON CONFLICT (dedupe_key) DO NOTHING
