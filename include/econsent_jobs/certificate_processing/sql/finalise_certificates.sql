-- The one step that makes a certificate count. The search outbox follows by the table's own trigger.
UPDATE econsent.certificates AS certificate
SET
    status = 'finalized',
    finalized_at = now(),
    error_class = NULL,
    last_error = NULL,
    expires_at = certificate.consent_at + property.certificate_expiration
FROM econsent.properties AS property
WHERE
    certificate.company_id = %(company_id)s
    AND certificate.certificate_pk = any(%(certificate_pks)s)
    AND certificate.status = 'processing'
    AND property.company_id = %(company_id)s
    AND property.property_id = certificate.property_id
RETURNING
    certificate.company_id,
    certificate.certificate_pk,
    certificate.certificate_id,
    certificate.session_id,
    certificate.source_ref,
    certificate.property_id,
    certificate.source,
    certificate.issued_at,
    certificate.consent_at,
    certificate.consumer_phone,
    certificate.consumer_email,
    certificate.consumer_name,
    host(certificate.ip) AS ip,
    certificate.user_agent,
    certificate.origin,
    certificate.consent_hash,
    certificate.consent_records,
    certificate.recording_hashes,
    certificate.recording_path,
    certificate.signature,
    certificate.signature_key_id
