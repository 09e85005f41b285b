-- Once each, by their de-duplication key; delivery is another job's.
INSERT INTO econsent.webhook_events (company_id, event_type, subject_id, dedupe_key, body)
SELECT
    event.company_id,
    event.event_type,
    event.subject_id,
    event.dedupe_key,
    event.body
FROM
    unnest(
        %(company_ids)s::text[], %(event_types)s::text[], %(subject_ids)s::text[], %(dedupe_keys)s::text[], %(bodies)s::bytea[]
    ) AS event (company_id, event_type, subject_id, dedupe_key, body)
ON CONFLICT (dedupe_key) DO NOTHING
