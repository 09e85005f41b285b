-- How long until something can be sent, in seconds: a lane without work stays for that, or goes.
SELECT extract(EPOCH FROM min(greatest(head.next_attempt_at, endpoint.circuit_until, endpoint.paused_until)) - now())::float8 AS seconds
FROM econsent.webhook_endpoints AS endpoint
CROSS JOIN
    LATERAL (
        SELECT delivery.next_attempt_at
        FROM econsent.webhook_deliveries AS delivery
        WHERE
            delivery.endpoint_id = endpoint.endpoint_id
            AND delivery.status IN ('pending', 'retrying', 'delivering')
        ORDER BY delivery.next_attempt_at
        LIMIT 1
    ) AS head
WHERE endpoint.status = 'enabled'
