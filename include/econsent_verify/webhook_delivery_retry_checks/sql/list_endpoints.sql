-- Every endpoint, deleted ones too: their deliveries stay. What attempts say of the last success is read beside it.
SELECT
    w.endpoint_id,
    w.company_id,
    w.url,
    w.http_method,
    w.events,
    w.max_in_flight,
    w.max_per_second,
    w.status,
    w.disabled_at,
    w.paused_until,
    w.circuit,
    w.circuit_until,
    w.first_failure_at,
    w.last_success_at,
    w.created_at,
    w.updated_at
FROM econsent.webhook_endpoints AS w
WHERE %(company_id)s::text IS NULL OR w.company_id = %(company_id)s
ORDER BY w.endpoint_id
