-- What of a scope had been deleted before a hold on it was placed.
SELECT
    stored.kind,
    stored.object_key,
    stored.version_id,
    stored.deleted_at,
    stored.mark_rule
FROM econsent.storage_objects AS stored
LEFT JOIN econsent.sessions AS session
    ON session.company_id = %(company_id)s AND stored.session_id = session.session_id
LEFT JOIN econsent.certificates AS certificate
    ON certificate.company_id = %(company_id)s AND stored.certificate_pk = certificate.certificate_pk
WHERE
    stored.company_id = %(company_id)s
    AND stored.state = 'deleted'
    AND CASE %(scope)s
        WHEN 'company' THEN TRUE
        WHEN 'property' THEN %(scope_value)s = coalesce(session.property_id, certificate.property_id)
        WHEN 'session' THEN %(scope_value)s = stored.session_id
        WHEN 'certificate' THEN %(scope_value)s = certificate.certificate_id
        ELSE FALSE
    END
ORDER BY stored.deleted_at DESC
LIMIT 1000
