-- A lengthened expiration, or a partner's claim, reaches certificates that exist; a shortened one does not. Locks follow.
WITH wanted AS (
    SELECT
        certificate.certificate_pk,
        certificate.status,
        CASE
            WHEN claim.years IS NOT NULL THEN certificate.consent_at + make_interval(years => claim.years)
            ELSE certificate.consent_at + property.certificate_expiration
        END AS expires_at,
        date_trunc(
            'second',
            CASE
                WHEN claim.years IS NOT NULL THEN certificate.consent_at + make_interval(years => claim.years)
                ELSE least(
                    certificate.consent_at + property.certificate_expiration,
                    certificate.consent_at + make_interval(years => settings.object_lock_years)
                )
            END
        ) AS retain_until
    FROM econsent.certificates AS certificate
    INNER JOIN econsent.properties AS property
        ON certificate.company_id = property.company_id AND certificate.property_id = property.property_id
    INNER JOIN econsent.retention_settings AS settings ON certificate.company_id = settings.company_id
    LEFT JOIN LATERAL (
        SELECT max(buyer.object_lock_years) AS years
        FROM econsent.claim_tokens AS token
        INNER JOIN econsent.retention_settings AS buyer ON token.claimed_by_company_id = buyer.company_id
        WHERE
            token.company_id = %(company_id)s
            AND token.certificate_pk = certificate.certificate_pk
            AND token.status = 'claimed'
    ) AS claim ON TRUE
    WHERE
        certificate.company_id = %(company_id)s
        AND property.company_id = %(company_id)s
        AND settings.company_id = %(company_id)s
        AND certificate.pii_erased_at IS NULL
        AND (certificate.status = 'finalized' OR (certificate.status = 'expired' AND claim.years IS NOT NULL))
        AND CASE
            WHEN claim.years IS NOT NULL THEN certificate.expires_at <> certificate.consent_at + make_interval(years => claim.years)
            ELSE certificate.expires_at < certificate.consent_at + property.certificate_expiration
        END
    ORDER BY certificate.certificate_pk
    LIMIT %(batch_size)s
)

UPDATE econsent.certificates AS certificate
SET
    expires_at = wanted.expires_at,
    retain_until = greatest(certificate.retain_until, wanted.retain_until),
    status = CASE WHEN wanted.expires_at > %(now)s AND certificate.status = 'expired' THEN 'finalized' ELSE certificate.status END
FROM wanted
WHERE certificate.company_id = %(company_id)s AND certificate.certificate_pk = wanted.certificate_pk
RETURNING certificate.certificate_pk
