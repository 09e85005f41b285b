-- Where a test delivery goes.
SELECT
    endpoint.endpoint_id,
    endpoint.company_id,
    endpoint.url,
    endpoint.http_method,
    endpoint.status,
    now() AS read_at
FROM econsent.webhook_endpoints AS endpoint
WHERE endpoint.endpoint_id = %(endpoint_id)s
