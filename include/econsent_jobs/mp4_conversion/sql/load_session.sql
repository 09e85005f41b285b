-- What a conversion has to know of its session: whether it may be made, what it is called, and until when it is locked. A session without a
-- certificate is kept as long as its property keeps recordings; nothing is locked for more than seven years.
SELECT
    session.company_id,
    session.session_id,
    session.property_id,
    session.retention_status,
    session.started_at,
    session.last_chunk_at,
    session.closed_at,
    session.page_url,
    session.recording_path,
    session.recording_sha256,
    coalesce(certificate.named, '[]'::jsonb) AS certificates,
    coalesce(certificate.unfinished, 0) AS unfinished_certificates,
    date_trunc(
        'second',
        least(
            coalesce(certificate.retain_until, coalesce(session.retained_at, session.started_at) + property.session_expiration),
            session.started_at + interval '7 years'
        )
    ) AS retain_until,
    archived.object_key AS archived_key,
    archived.version_id AS archived_version,
    now() AS read_at
FROM econsent.sessions AS session
INNER JOIN econsent.properties AS property
    ON session.company_id = property.company_id AND session.property_id = property.property_id
CROSS JOIN
    LATERAL (
        SELECT
            jsonb_agg(
                jsonb_build_array(one.certificate_id, extract(EPOCH FROM one.consent_at)) ORDER BY one.submission_no
            ) FILTER (WHERE one.status = 'finalized') AS named,
            count(*) FILTER (WHERE one.status IN ('pending', 'processing')) AS unfinished,
            max(one.retain_until) FILTER (WHERE one.status = 'finalized') AS retain_until
        FROM econsent.certificates AS one
        WHERE
            one.company_id = %(company_id)s
            AND one.session_id = session.session_id
    ) AS certificate
LEFT JOIN LATERAL (
    SELECT
        object.object_key,
        object.version_id
    FROM econsent.storage_objects AS object
    WHERE
        object.company_id = %(company_id)s
        AND object.session_id = session.session_id
        AND object.kind = 'recording'
        AND object.backend = 's3'
        AND object.state = 'stored'
    ORDER BY object.created_at DESC
    LIMIT 1
) AS archived ON TRUE
WHERE
    session.company_id = %(company_id)s
    AND session.session_id = %(session_id)s
