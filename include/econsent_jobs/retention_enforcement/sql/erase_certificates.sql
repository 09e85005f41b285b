-- Personal data goes, hashes and ids stay. The list of columns is rules/personal.py's, which a test holds against the schema.
UPDATE econsent.certificates AS certificate
SET
    status = CASE WHEN %(deleted)s AND certificate.status = 'expired' THEN 'deleted' ELSE certificate.status END,
    capture = jsonb_build_object(),
    dom_staging_path = NULL,
    consumer_phone = NULL,
    consumer_email = NULL,
    consumer_name = NULL,
    ip = NULL,
    user_agent = NULL,
    browser_language = NULL,
    geo = NULL,
    consent_records = NULL,
    fingerprint = NULL,
    payload_string = NULL,
    last_error = NULL,
    pii_erased_at = coalesce(certificate.pii_erased_at, %(now)s)
WHERE certificate.company_id = %(company_id)s AND certificate.certificate_pk = any(%(certificate_pks)s)
RETURNING certificate.certificate_pk, certificate.certificate_id, certificate.session_id
