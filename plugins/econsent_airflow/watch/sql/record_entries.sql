-- Entries of the audit trail, each once by its key.
INSERT INTO econsent.audit_log (action, category, "user", ip_address, "timestamp", details, request_id, dedupe_key)
SELECT entry.action, entry.category, entry.by, entry.ip_address::inet, entry.at, entry.details, entry.request_id, entry.dedupe_key
FROM jsonb_to_recordset(%(entries)s::jsonb) AS entry (
    action text, category text, by text, ip_address text, at timestamptz, details jsonb, request_id text, dedupe_key text
)
ON CONFLICT (dedupe_key) DO NOTHING
RETURNING audit_id
