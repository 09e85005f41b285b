-- The bodies of webhooks about these certificates and sessions.
UPDATE econsent.webhook_events AS event
SET body = NULL
WHERE event.company_id = %(company_id)s AND event.subject_id = any(%(subjects)s) AND event.body IS NOT NULL
