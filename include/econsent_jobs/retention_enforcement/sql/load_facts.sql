-- All that decides about objects, in one consistent read. A hold covers a session's objects when it covers one of its certificates.
-- Each object names its certificates in its own way, so that each way has its index: no common table could stand for both.
SELECT
    stored.storage_object_id AS object_id,
    stored.company_id,
    stored.session_id,
    stored.certificate_pk,
    stored.kind,
    stored.backend,
    stored.tier,
    stored.bucket,
    stored.object_key,
    stored.version_id,
    stored.bytes AS size_bytes,
    stored.sha256,
    stored.state,
    stored.created_at,
    stored.expired_at AS marked_at,
    stored.mark_rule,
    stored.guarded,
    stored.retain_until,
    stored.last_accessed_at AS accessed_at,
    stored.erasure_asked_at,
    stored.held_at,
    session.retention_status AS session_status,
    session.expires_at AS session_expires_at,
    session.started_at + property.certificate_expiration AS session_due_at,
    session.retained_at AS session_retained_at,
    session.last_accessed_at AS session_accessed_at,
    session.rrweb_to_video_status AS video_status,
    coalesce(archived.is_there, FALSE) AS session_archived,
    deleted.at AS session_archive_gone_at,
    coalesce(served.pks, ARRAY[]::bigint[]) AS served_pks,
    coalesce(served.statuses, ARRAY[]::text[]) AS served_statuses,
    coalesce(served.consent_ats, ARRAY[]::timestamptz[]) AS served_consent_ats,
    coalesce(served.expires_ats, ARRAY[]::timestamptz[]) AS served_expires_ats,
    coalesce(served.claimeds, ARRAY[]::boolean[]) AS served_claimeds,
    coalesce(property.session_expiration <> interval '90 days', FALSE) AS own_window,
    coalesce(property.certificate_expiration <> interval '5 years', FALSE) AS own_expiration,
    greatest(property.expiration_changed_at, settings.changed_at) AS policy_changed_at,
    coalesce(held.holds, ARRAY[]::text[]) AS holds
FROM econsent.storage_objects AS stored
LEFT JOIN econsent.sessions AS session
    ON session.company_id = %(company_id)s AND stored.session_id = session.session_id
LEFT JOIN econsent.retention_settings AS settings ON settings.company_id = %(company_id)s
LEFT JOIN LATERAL (  -- noqa: ST05
    SELECT
        array_agg(certificate.certificate_pk ORDER BY certificate.certificate_pk) AS pks,
        array_agg(certificate.status ORDER BY certificate.certificate_pk) AS statuses,
        array_agg(certificate.consent_at ORDER BY certificate.certificate_pk) AS consent_ats,
        array_agg(
            CASE
                WHEN claim.years IS NOT NULL THEN certificate.consent_at + make_interval(years => claim.years)
                ELSE certificate.expires_at
            END ORDER BY certificate.certificate_pk
        ) AS expires_ats,
        array_agg(claim.years IS NOT NULL ORDER BY certificate.certificate_pk) AS claimeds,
        array_agg(certificate.certificate_id) AS certificate_ids,
        array_agg(certificate.consumer_phone) || array_agg(lower(certificate.consumer_email)) AS consumers,
        min(certificate.property_id) AS property_id
    FROM (
        SELECT stored.certificate_pk
        UNION ALL
        SELECT beside.certificate_pk
        FROM econsent.certificates AS beside
        WHERE beside.company_id = %(company_id)s AND stored.certificate_pk IS NULL AND beside.session_id = stored.session_id
    ) AS named
    INNER JOIN econsent.certificates AS certificate
        ON certificate.company_id = %(company_id)s AND named.certificate_pk = certificate.certificate_pk
    LEFT JOIN LATERAL (
        SELECT max(buyer.object_lock_years) AS years
        FROM econsent.claim_tokens AS token
        INNER JOIN econsent.retention_settings AS buyer ON token.claimed_by_company_id = buyer.company_id
        WHERE
            token.company_id = %(company_id)s
            AND token.certificate_pk = certificate.certificate_pk
            AND token.status = 'claimed'
    ) AS claim ON TRUE
) AS served ON TRUE
LEFT JOIN econsent.properties AS property
    ON property.company_id = %(company_id)s AND property.property_id = coalesce(session.property_id, served.property_id)
LEFT JOIN LATERAL (
    SELECT TRUE AS is_there
    FROM econsent.storage_objects AS copy
    WHERE
        copy.company_id = %(company_id)s
        AND stored.backend = 'efs'
        AND copy.session_id = stored.session_id
        AND copy.kind = 'recording'
        AND copy.backend = 's3'
        AND copy.state <> 'deleted'
    ORDER BY copy.storage_object_id
    LIMIT 1
) AS archived ON TRUE
LEFT JOIN LATERAL (
    SELECT max(copy.deleted_at) AS at
    FROM econsent.storage_objects AS copy
    WHERE
        copy.company_id = %(company_id)s
        AND stored.backend = 'efs'
        AND copy.session_id = stored.session_id
        AND copy.kind = 'recording'
        AND copy.backend = 's3'
        AND copy.state = 'deleted'
) AS deleted ON TRUE
LEFT JOIN LATERAL (
    SELECT array_agg('hold ' || hold.hold_id || ' (' || hold.reason || ')' ORDER BY hold.hold_id) AS holds
    FROM econsent.legal_holds AS hold
    WHERE
        hold.company_id = %(company_id)s
        AND hold.released_at IS NULL
        AND CASE hold.scope
            WHEN 'company' THEN TRUE
            WHEN 'property' THEN hold.scope_value = coalesce(session.property_id, served.property_id)
            WHEN 'session' THEN hold.scope_value = stored.session_id
            WHEN 'certificate' THEN hold.scope_value = any(served.certificate_ids)
            ELSE lower(hold.scope_value) = any(served.consumers)
        END
) AS held ON TRUE
WHERE stored.company_id = %(company_id)s AND stored.storage_object_id = any(%(object_ids)s)
ORDER BY stored.object_key
