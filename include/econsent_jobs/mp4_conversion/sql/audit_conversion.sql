-- What became of a conversion, once an occasion. No personal data: sessions and certificates are named by their ids.
INSERT INTO econsent.audit_log (company_id, action, category, "user", details, dedupe_key)
VALUES (
    %(company_id)s,
    %(action)s,
    'certificates',
    'system:scheduler',
    %(details)s,
    'video:' || %(conversion_id)s::bigint || ':' || %(action)s || ':' || %(occasion)s
)
ON CONFLICT (dedupe_key) DO NOTHING
