-- One audit entry for one cause.
INSERT INTO econsent.audit_log (company_id, action, category, "user", "timestamp", details, dedupe_key)
VALUES (%(company_id)s, %(action)s, 'billing', %(user)s, %(moment)s, %(details)s, %(dedupe_key)s)
ON CONFLICT (dedupe_key) DO NOTHING
