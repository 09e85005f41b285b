-- One page of a tenant's certificates by number, with the part of the session that their documents repeat.
SELECT
    certificate.company_id,
    certificate.certificate_pk,
    certificate.session_id,
    certificate.source_ref,
    certificate.property_id,
    certificate.source,
    certificate.status,
    certificate.consent_at,
    certificate.consumer_phone,
    certificate.consumer_email,
    certificate.consumer_name,
    host(certificate.ip) AS ip,
    certificate.user_agent,
    certificate.browser_language,
    certificate.geo::text AS geo,
    certificate.origin,
    certificate.domain,
    certificate.certificate_id,
    certificate.entropy,
    certificate.consent_records::text AS consent_records,
    certificate.fingerprint,
    certificate.payload_string,
    certificate.consent_hash,
    certificate.recording_path,
    certificate.recording_hashes::text AS recording_hashes,
    certificate.signature,
    certificate.signature_key_id,
    certificate.issued_at,
    certificate.finalized_at,
    certificate.retain_until,
    certificate.pii_erased_at,
    certificate.error_class,
    certificate.last_error,
    certificate.row_version,
    certificate.consent_at + interval '7 years' AS lock_ceiling_at,
    certificate.capture #> '{form}' IS NULL AS form_erased,
    certificate.capture #>> '{form}' AS form,
    session.started_at AS session_started_at,
    session.closed_at AS session_closed_at,
    session.recording_sha256 AS session_recording_sha256,
    host(session.ip) AS session_ip,
    session.user_agent AS session_user_agent,
    session.browser_language AS session_browser_language,
    session.geo::text AS session_geo,
    session.origin AS session_origin
FROM econsent.certificates AS certificate
LEFT JOIN econsent.sessions AS session
    ON certificate.company_id = session.company_id AND certificate.session_id = session.session_id
WHERE
    certificate.company_id = %(company_id)s
    AND certificate.certificate_pk > %(after)s
    AND (%(since)s::timestamptz IS NULL OR coalesce(certificate.finalized_at, certificate.created_at) >= %(since)s)
ORDER BY certificate.certificate_pk
LIMIT %(page_size)s
