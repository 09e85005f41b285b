-- What the index shows of certificates, as it is now. Times leave as milliseconds: a driver's calendar ends with the year 9999.
SELECT
    certificate.certificate_pk,
    certificate.row_version,
    certificate.status,
    certificate.certificate_id,
    certificate.session_id,
    certificate.property_id,
    certificate.source,
    CASE WHEN isfinite(certificate.consent_at) THEN floor(extract(EPOCH FROM certificate.consent_at) * 1000)::bigint END AS consent_at_ms,
    CASE WHEN isfinite(certificate.finalized_at) THEN floor(extract(EPOCH FROM certificate.finalized_at) * 1000)::bigint END
        AS finalized_at_ms,
    CASE WHEN isfinite(certificate.expires_at) THEN floor(extract(EPOCH FROM certificate.expires_at) * 1000)::bigint END AS expires_at_ms,
    certificate.consumer_phone,
    certificate.consumer_email,
    certificate.consumer_name,
    host(certificate.ip) AS ip,
    certificate.geo,
    certificate.origin,
    certificate.domain,
    certificate.consent_records,
    certificate.opt_out,
    certificate.recording_hashes <> '[]' AS recorded,
    session.retention_status,
    session.rrweb_to_video_status,
    attestation.disclosure_sha256,
    attestation.template_id,
    attestation.template_version,
    attestation.language_detected AS language,
    attestation.wcag_level,
    attestation.visibility ->> 'disclosureVisible' AS disclosure_visible
FROM econsent.certificates AS certificate
LEFT JOIN econsent.sessions AS session
    ON
        certificate.company_id = session.company_id AND certificate.session_id = session.session_id
        AND session.company_id = %(company_id)s
LEFT JOIN econsent.attestations AS attestation
    ON
        certificate.company_id = attestation.company_id AND certificate.certificate_pk = attestation.certificate_pk
        AND attestation.company_id = %(company_id)s
WHERE
    certificate.company_id = %(company_id)s
    AND certificate.certificate_pk = any(%(certificate_pks)s)
