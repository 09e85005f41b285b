-- What went while a hold on its company, session, property or certificate was in force. Clocks of two transactions may cross by a second.
SELECT stored.company_id, stored.object_key, hold.hold_id
FROM econsent.storage_objects AS stored
INNER JOIN econsent.legal_holds AS hold
    ON hold.company_id = stored.company_id
    AND hold.placed_at < stored.deleted_at - interval '31 seconds'
    AND (hold.released_at IS NULL OR hold.released_at > stored.deleted_at)
LEFT JOIN econsent.sessions AS session ON session.company_id = stored.company_id AND session.session_id = stored.session_id
LEFT JOIN econsent.certificates AS certificate
    ON certificate.company_id = stored.company_id AND certificate.certificate_pk = stored.certificate_pk
WHERE
    stored.state = 'deleted'
    AND CASE hold.scope
        WHEN 'company' THEN TRUE
        WHEN 'property' THEN hold.scope_value = coalesce(session.property_id, certificate.property_id)
        WHEN 'session' THEN hold.scope_value = stored.session_id
        WHEN 'certificate' THEN hold.scope_value = certificate.certificate_id
        ELSE FALSE
    END
LIMIT 1000
