-- Links that nobody used in 90 days. One whose certificate is held is left, with the reason.
WITH due AS (
    SELECT
        token.token_sha256,
        exists(
            SELECT FROM econsent.legal_holds AS hold
            WHERE
                hold.company_id = %(company_id)s
                AND hold.released_at IS NULL
                AND CASE hold.scope
                    WHEN 'company' THEN TRUE
                    WHEN 'property' THEN hold.scope_value = certificate.property_id
                    WHEN 'session' THEN hold.scope_value = certificate.session_id
                    WHEN 'certificate' THEN hold.scope_value = certificate.certificate_id
                    ELSE lower(hold.scope_value) IN (certificate.consumer_phone, lower(certificate.consumer_email))
                END
        ) AS is_held
    FROM econsent.claim_tokens AS token
    INNER JOIN econsent.certificates AS certificate
        ON certificate.company_id = %(company_id)s AND token.certificate_pk = certificate.certificate_pk
    WHERE
        token.company_id = %(company_id)s
        AND token.status = 'open'
        AND token.expires_at <= %(now)s
        AND token.token_sha256 > %(after)s
    ORDER BY token.token_sha256
    LIMIT %(batch_size)s
    FOR NO KEY UPDATE OF token SKIP LOCKED
)

UPDATE econsent.claim_tokens AS token
SET
    status = CASE WHEN due.is_held THEN token.status ELSE 'expired' END,
    review_reason = CASE WHEN due.is_held THEN 'keep_held' END
FROM due
WHERE token.token_sha256 = due.token_sha256
RETURNING token.token_sha256, token.certificate_pk, due.is_held
