-- What is known of endpoints, locked in order: two lanes must not each add to the same old count.
SELECT
    endpoint.endpoint_id,
    endpoint.company_id,
    endpoint.status,
    endpoint.circuit,
    endpoint.circuit_until,
    endpoint.circuit_opened,
    endpoint.consecutive_failures,
    endpoint.first_failure_at,
    endpoint.last_success_at
FROM econsent.webhook_endpoints AS endpoint
WHERE endpoint.endpoint_id = any(%(endpoint_ids)s)
ORDER BY endpoint.endpoint_id
FOR NO KEY UPDATE
