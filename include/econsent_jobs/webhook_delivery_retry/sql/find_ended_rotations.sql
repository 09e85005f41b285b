-- Endpoints whose documented secret has ended while another goes on, locked in order.
SELECT old.endpoint_id
FROM econsent.webhook_secrets AS old
WHERE
    old.documented_header
    AND old.ends_at <= now()
    AND EXISTS (
        SELECT FROM econsent.webhook_secrets AS new
        WHERE
            new.endpoint_id = old.endpoint_id
            AND NOT new.documented_header
            AND (new.ends_at IS NULL OR new.ends_at > now())
    )
ORDER BY old.endpoint_id
LIMIT %(batch_size)s
FOR UPDATE SKIP LOCKED
