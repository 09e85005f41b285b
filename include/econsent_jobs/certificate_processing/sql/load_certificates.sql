-- One consistent read of all that a company's documents are made of. JSON comes as text: one report that Python cannot parse must not
-- break the batch. Calendar sums are the database's to do.
SELECT
    certificate.company_id,
    certificate.certificate_pk,
    certificate.status,
    certificate.source,
    certificate.source_ref,
    certificate.property_id,
    session.session_id,
    session.started_at,
    session.last_chunk_at,
    session.closed_at,
    session.recording_path,
    session.recording_sha256,
    certificate.created_at AS submitted_at,
    certificate.consent_at,
    certificate.capture::text AS capture,
    certificate.dom_staging_path,
    host(coalesce(certificate.ip, session.ip)) AS ip,
    coalesce(certificate.user_agent, session.user_agent) AS user_agent,
    coalesce(certificate.browser_language, session.browser_language) AS browser_language,
    coalesce(certificate.geo, session.geo)::text AS geo,
    coalesce(certificate.origin, session.origin) AS origin,
    certificate.domain,
    certificate.consent_at + property.certificate_expiration AS expires_at,
    coalesce(
        certificate.retain_until,
        date_trunc(
            'second',
            least(
                certificate.consent_at + property.certificate_expiration,
                certificate.consent_at + make_interval(years => coalesce(settings.object_lock_years, 7))
            )
        )
    ) AS retain_until,
    certificate.consent_at + interval '7 years' AS lock_ceiling_at,
    now() AS read_at
FROM econsent.certificates AS certificate
INNER JOIN econsent.properties AS property
    ON certificate.company_id = property.company_id AND certificate.property_id = property.property_id
LEFT JOIN econsent.sessions AS session
    ON certificate.company_id = session.company_id AND certificate.session_id = session.session_id
LEFT JOIN econsent.retention_settings AS settings
    ON certificate.company_id = settings.company_id
WHERE
    certificate.company_id = %(company_id)s
    AND certificate.certificate_pk = any(%(certificate_pks)s)
