-- Disabling goes through the same statement; the endpoint's trigger then closes the circuit and notes the time.
UPDATE econsent.webhook_endpoints AS endpoint
SET
    status = health.status,
    circuit = health.circuit,
    circuit_until = health.circuit_until,
    circuit_opened = health.circuit_opened,
    consecutive_failures = health.consecutive_failures,
    first_failure_at = health.first_failure_at,
    last_success_at = health.last_success_at
FROM
    unnest(
        %(endpoint_ids)s::text[], %(statuses)s::text[], %(circuits)s::text[], %(circuit_untils)s::timestamptz[],
        %(circuits_opened)s::int[], %(failures)s::int[], %(first_failure_ats)s::timestamptz[], %(last_success_ats)s::timestamptz[]
    ) AS health (
        endpoint_id, status, circuit, circuit_until, circuit_opened, consecutive_failures, first_failure_at, last_success_at
    )
WHERE endpoint.endpoint_id = health.endpoint_id
