-- Told once a period: whoever sets the time writes the mail.
INSERT INTO econsent.retention_usage AS usage (company_id, period, notified_at)
VALUES (%(company_id)s, %(period)s, now())
ON CONFLICT (company_id, period) DO UPDATE SET notified_at = now() WHERE usage.notified_at IS NULL
RETURNING usage.company_id
