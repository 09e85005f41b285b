-- Closed sessions that retain themselves: all of them, or those with a finalised certificate.
SELECT
    session.session_id,
    session.recording_bytes AS bytes
FROM econsent.sessions AS session
INNER JOIN econsent.retention_settings AS settings ON session.company_id = settings.company_id
WHERE
    session.company_id = %(company_id)s
    AND settings.company_id = %(company_id)s
    AND settings.auto_retention_enabled
    AND session.retention_status = 'unretained'
    AND session.closed_at IS NOT NULL
    AND session.session_id > %(after)s
    AND (
        settings.auto_retention_mode = 'all'
        OR EXISTS (
            SELECT FROM econsent.certificates AS certificate
            WHERE
                certificate.company_id = %(company_id)s
                AND certificate.session_id = session.session_id
                AND certificate.status = 'finalized'
        )
    )
ORDER BY session.session_id
LIMIT %(batch_size)s
