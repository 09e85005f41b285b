-- A person says that the receiver is mended: enabled, its circuit closed. One that its owner disabled or deleted stays so.
UPDATE econsent.webhook_endpoints AS endpoint
SET
    status = 'enabled',
    disabled_at = NULL,
    circuit = 'closed',
    circuit_until = NULL,
    circuit_opened = 0,
    consecutive_failures = 0,
    first_failure_at = NULL
WHERE
    endpoint.endpoint_id = %(endpoint_id)s
    AND endpoint.status IN ('enabled', 'disabled_auto')
RETURNING endpoint.endpoint_id, endpoint.company_id
