-- One page of a tenant's certificates by number, with the part of the session that their documents repeat.
WITH page AS (
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
        certificate.capture #>> '{form}' AS form
    FROM econsent.certificates AS certificate
    WHERE
        certificate.company_id = %(company_id)s
        AND certificate.certificate_pk > %(after)s
        AND (%(since)s::timestamptz IS NULL OR coalesce(certificate.finalized_at, certificate.created_at) >= %(since)s)
    ORDER BY certificate.certificate_pk
    LIMIT %(page_size)s
),

session AS (
    SELECT
        visit.session_id,
        visit.started_at,
        visit.closed_at,
        visit.recording_sha256,
        host(visit.ip) AS ip,
        visit.user_agent,
        visit.browser_language,
        visit.geo::text AS geo,
        visit.origin
    FROM econsent.sessions AS visit
    WHERE visit.company_id = %(company_id)s
)

SELECT
    page.company_id,
    page.certificate_pk,
    page.session_id,
    page.source_ref,
    page.property_id,
    page.source,
    page.status,
    page.consent_at,
    page.consumer_phone,
    page.consumer_email,
    page.consumer_name,
    page.ip,
    page.user_agent,
    page.browser_language,
    page.geo,
    page.origin,
    page.domain,
    page.certificate_id,
    page.entropy,
    page.consent_records,
    page.fingerprint,
    page.payload_string,
    page.consent_hash,
    page.recording_path,
    page.recording_hashes,
    page.signature,
    page.signature_key_id,
    page.issued_at,
    page.finalized_at,
    page.retain_until,
    page.pii_erased_at,
    page.error_class,
    page.last_error,
    page.row_version,
    page.lock_ceiling_at,
    page.form_erased,
    page.form,
    session.started_at AS session_started_at,
    session.closed_at AS session_closed_at,
    session.recording_sha256 AS session_recording_sha256,
    session.ip AS session_ip,
    session.user_agent AS session_user_agent,
    session.browser_language AS session_browser_language,
    session.geo AS session_geo,
    session.origin AS session_origin
FROM page
LEFT JOIN session ON page.session_id = session.session_id
ORDER BY page.certificate_pk
