-- Once: whoever changed a demo endpoint meanwhile keeps that.
INSERT INTO econsent.webhook_endpoints (endpoint_id, company_id, url, http_method, events)
VALUES (%(endpoint_id)s, %(company_id)s, %(url)s, %(http_method)s, %(events)s)
ON CONFLICT (endpoint_id) DO NOTHING
