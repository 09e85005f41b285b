-- What became of each certificate, once an occasion: it is generated once for all, and may fail again after a person put it back.
-- No personal data: a certificate is named by its number and id.
INSERT INTO econsent.audit_log (company_id, action, category, "user", details, dedupe_key)
SELECT
    %(company_id)s,
    entry.action,
    'certificates',
    'system:scheduler',
    entry.details,
    'certificate:' || entry.certificate_pk || ':' || %(company_id)s || ':' || entry.action || entry.occasion
FROM
    unnest(%(certificate_pks)s::bigint[], %(actions)s::text[], %(details)s::jsonb[], %(occasions)s::text[])
        AS entry (certificate_pk, action, details, occasion)
ON CONFLICT (dedupe_key) DO NOTHING
