-- By whatever a person has in hand: the session's id, or the id of one of its certificates.
SELECT conversion.session_id
FROM econsent.video_conversions AS conversion
WHERE
    conversion.company_id = %(company_id)s
    AND (
        conversion.session_id = %(name)s
        OR conversion.session_id IN (
            SELECT certificate.session_id
            FROM econsent.certificates AS certificate
            WHERE
                certificate.company_id = %(company_id)s
                AND certificate.certificate_id = %(name)s
        )
    )
ORDER BY conversion.session_id
LIMIT 10
