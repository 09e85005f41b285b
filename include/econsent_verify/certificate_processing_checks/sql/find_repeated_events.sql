-- One of each kind a certificate: a second one under another de-duplication key would be delivered too.
SELECT
    event.company_id,
    event.subject_id,
    event.event_type,
    count(*) AS events
FROM econsent.webhook_events AS event
WHERE
    event.event_type IN ('session.certificate.created', 'meta.certificate.created', 'consent.granted')
    AND event.subject_id LIKE 'EC-%%'
    AND (%(company_id)s::text IS NULL OR event.company_id = %(company_id)s)
GROUP BY event.company_id, event.subject_id, event.event_type
HAVING count(*) > 1
ORDER BY event.company_id, event.subject_id, event.event_type
LIMIT %(most)s
