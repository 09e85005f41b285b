-- Once an occasion. No personal data: an endpoint is named by its id.
INSERT INTO econsent.audit_log (company_id, action, category, "user", details, dedupe_key)
SELECT
    entry.company_id,
    entry.action,
    'webhooks',
    %(user)s,
    entry.details,
    entry.dedupe_key
FROM
    unnest(%(company_ids)s::text[], %(actions)s::text[], %(details)s::jsonb[], %(dedupe_keys)s::text[])
        AS entry (company_id, action, details, dedupe_key)
ON CONFLICT (dedupe_key) DO NOTHING
