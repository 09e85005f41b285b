-- Where the recordings of sessions lie on the shared file system.
SELECT
    session.session_id,
    session.recording_path
FROM econsent.sessions AS session
WHERE
    session.company_id = %(company_id)s
    AND session.session_id = any(%(session_ids)s)
    AND session.recording_path IS NOT NULL
    AND NOT EXISTS (
        SELECT FROM econsent.storage_objects AS stored
        WHERE
            stored.company_id = %(company_id)s
            AND stored.session_id = session.session_id
            AND stored.kind = 'recording'
            AND stored.backend = 'efs'
    )
ORDER BY session.session_id
