-- An unretained session's window follows its property both ways: lengthened or shortened.
UPDATE econsent.sessions AS session
SET expires_at = session.started_at + property.session_expiration, updated_at = now()
FROM econsent.properties AS property
WHERE
    session.company_id = %(company_id)s
    AND property.company_id = %(company_id)s
    AND property.property_id = session.property_id
    AND session.retention_status = 'unretained'
    AND session.expires_at <> session.started_at + property.session_expiration
RETURNING session.session_id
