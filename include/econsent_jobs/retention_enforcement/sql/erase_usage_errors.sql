-- A usage's message may quote its request.
UPDATE econsent.usage_events AS usage
SET last_error = NULL
WHERE
    usage.company_id = %(company_id)s
    AND (usage.session_id = any(%(session_ids)s) OR usage.certificate_id = any(%(subjects)s))
    AND usage.last_error IS NOT NULL
