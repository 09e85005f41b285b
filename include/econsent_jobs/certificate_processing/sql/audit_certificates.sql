-- What became of each certificate, once. No personal data: a certificate is named by its number and id.
INSERT INTO econsent.audit_log (company_id, action, category, "user", details, dedupe_key)
SELECT
    %(company_id)s,
    entry.action,
    'certificates',
    'system:scheduler',
    entry.details,
    'certificate:' || entry.certificate_pk || ':' || %(company_id)s || ':' || entry.action
FROM
    unnest(%(certificate_pks)s::bigint[], %(actions)s::text[], %(details)s::jsonb[])
        AS entry (certificate_pk, action, details)
ON CONFLICT (dedupe_key) DO NOTHING
