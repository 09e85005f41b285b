-- What went while a hold on its company, session, property or certificate was in force. Clocks of two transactions may cross by a second.
SELECT
    stored.company_id,
    stored.object_key,
    hold.hold_id
FROM econsent.storage_objects AS stored
INNER JOIN econsent.legal_holds AS hold
    ON
        stored.company_id = hold.company_id
        AND hold.placed_at < stored.deleted_at - interval '31 seconds'
        AND (hold.released_at IS NULL OR stored.deleted_at < hold.released_at)
LEFT JOIN econsent.sessions AS session ON stored.company_id = session.company_id AND stored.session_id = session.session_id
LEFT JOIN econsent.certificates AS certificate
    ON stored.company_id = certificate.company_id AND stored.certificate_pk = certificate.certificate_pk
WHERE
    stored.state = 'deleted'
    AND CASE hold.scope
        WHEN 'company' THEN TRUE
        WHEN 'property' THEN hold.scope_value = coalesce(session.property_id, certificate.property_id)
        WHEN 'session' THEN hold.scope_value = stored.session_id
        WHEN 'certificate' THEN hold.scope_value = certificate.certificate_id
        ELSE FALSE
    END
ORDER BY stored.storage_object_id
LIMIT 1000
