-- Whether a run should start now: fresh events, which a notification may have been lost for. Fanning out always clears it.
SELECT count(*) > 0 AS waiting
FROM (
    SELECT event.event_id
    FROM econsent.webhook_events AS event
    WHERE event.fanned_out_at IS NULL
    ORDER BY event.occurred_at
    LIMIT 1
) AS fresh
