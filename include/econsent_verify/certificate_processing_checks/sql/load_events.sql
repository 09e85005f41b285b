-- By their de-duplication keys, which are indexed; what stands under another key is found by find_repeated_events.
SELECT
    event.dedupe_key,
    event.company_id,
    event.event_type,
    event.subject_id,
    event.body
FROM econsent.webhook_events AS event
WHERE event.dedupe_key = any(%(dedupe_keys)s)
