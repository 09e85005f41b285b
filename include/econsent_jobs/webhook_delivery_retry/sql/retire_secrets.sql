-- First the old one steps back: only one of an endpoint's secrets may sign the documented header.
UPDATE econsent.webhook_secrets AS secret
SET documented_header = FALSE
WHERE secret.endpoint_id = any(%(endpoint_ids)s) AND secret.documented_header
