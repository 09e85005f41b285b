-- Retained sessions whose recording the archive does not have. Locked as long as the certificates need it, else as long as one would.
SELECT
    session.company_id,
    session.session_id,
    session.property_id,
    session.started_at,
    session.recording_path,
    session.recording_sha256,
    session.recording_bytes,
    coalesce(
        (
            SELECT max(certificate.consent_at)
            FROM econsent.certificates AS certificate
            WHERE
                certificate.company_id = %(company_id)s
                AND certificate.session_id = session.session_id
                AND certificate.status IN ('finalized', 'expired')
        ),
        session.started_at
    ) + interval '7 years' AS lock_ceiling_at,
    coalesce(
        (
            SELECT max(certificate.retain_until)
            FROM econsent.certificates AS certificate
            WHERE
                certificate.company_id = %(company_id)s
                AND certificate.session_id = session.session_id
                AND certificate.status IN ('finalized', 'expired')
        ),
        date_trunc(
            'second',
            least(
                session.started_at + property.certificate_expiration,
                session.started_at + make_interval(years => coalesce(settings.object_lock_years, 7))
            )
        )
    ) AS retain_until
FROM econsent.sessions AS session
INNER JOIN econsent.properties AS property
    ON session.company_id = property.company_id AND session.property_id = property.property_id
LEFT JOIN econsent.retention_settings AS settings ON session.company_id = settings.company_id
WHERE
    session.company_id = %(company_id)s
    AND property.company_id = %(company_id)s
    AND session.retention_status = 'retained'
    AND session.closed_at IS NOT NULL
    AND session.recording_path IS NOT NULL
    AND session.session_id > %(after)s
    AND NOT EXISTS (
        SELECT FROM econsent.storage_objects AS stored
        WHERE
            stored.company_id = %(company_id)s
            AND stored.session_id = session.session_id
            AND stored.kind = 'recording'
            AND stored.backend = 's3'
    )
ORDER BY session.session_id
LIMIT %(batch_size)s
