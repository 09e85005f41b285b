-- Events in the order of their key, so that a page goes on where the last one ended, whatever is inserted meanwhile.
SELECT
    e.event_id,
    e.company_id,
    e.event_type,
    e.subject_id,
    e.dedupe_key,
    e.body,
    e.occurred_at,
    e.fanned_out_at
FROM econsent.webhook_events AS e
WHERE
    e.event_id > %(after)s
    AND (%(company_id)s::text IS NULL OR e.company_id = %(company_id)s)
    AND (%(since)s::timestamptz IS NULL OR e.occurred_at >= %(since)s)
ORDER BY e.event_id
LIMIT %(page_size)s
