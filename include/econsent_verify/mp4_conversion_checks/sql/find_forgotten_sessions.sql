-- Sessions that are to have a video and have no conversion: nobody would ever make it.
SELECT session.session_id
FROM econsent.sessions AS session
WHERE
    session.company_id = %(company_id)s
    AND session.rrweb_to_video_status <> 'none'
    AND NOT EXISTS (
        SELECT FROM econsent.video_conversions AS conversion
        WHERE
            conversion.company_id = %(company_id)s
            AND conversion.session_id = session.session_id
    )
ORDER BY session.session_id
LIMIT 1000
