-- Everything computed stands in the certificate document, so the columns repeat it from there and cannot differ from what was signed.
UPDATE econsent.certificates AS certificate
SET
    status = 'processing',
    certificate_id = sealed.document ->> 'certificateId',
    entropy = sealed.document ->> 'entropy',
    consent_records = sealed.document -> 'consents',
    fingerprint = sealed.document ->> 'fingerprint',
    payload_string = sealed.document ->> 'payload',
    consent_hash = sealed.document ->> 'consentHash',
    domain = sealed.document ->> 'domain',
    recording_path = sealed.document ->> 'recordingPath',
    recording_hashes = sealed.document -> 'recording_hashes',
    signature = sealed.document ->> 'signature',
    signature_key_id = sealed.document ->> 'signatureKeyId',
    issued_at = (sealed.document ->> 'issuedAt')::timestamptz,
    retain_until = sealed.retain_until,
    error_class = NULL,
    last_error = NULL
FROM
    unnest(%(certificate_pks)s::bigint[], %(documents)s::jsonb[], %(retain_untils)s::timestamptz[])
        AS sealed (certificate_pk, document, retain_until)
WHERE
    certificate.company_id = %(company_id)s
    AND certificate.certificate_pk = sealed.certificate_pk
    AND certificate.status = 'pending'
