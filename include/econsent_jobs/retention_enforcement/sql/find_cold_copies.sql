-- Recordings that lie in the archive and have been left alone on the shared file system.
SELECT
    session.session_id,
    session.recording_path
FROM econsent.sessions AS session
WHERE
    session.company_id = %(company_id)s
    AND session.retention_status = 'retained'
    AND session.recording_path IS NOT NULL
    AND session.rrweb_to_video_status IN ('none', 'completed', 'failed')
    AND greatest(session.retained_at, session.last_accessed_at) <= %(now)s - interval '30 days'
    AND session.session_id > %(after)s
    AND EXISTS (
        SELECT FROM econsent.storage_objects AS stored
        WHERE
            stored.company_id = %(company_id)s
            AND stored.session_id = session.session_id
            AND stored.kind = 'recording'
            AND stored.backend = 's3'
            AND stored.state <> 'deleted'
    )
    AND NOT EXISTS (
        SELECT FROM econsent.storage_objects AS stored
        WHERE
            stored.company_id = %(company_id)s
            AND stored.session_id = session.session_id
            AND stored.kind = 'recording'
            AND stored.backend = 'efs'
            AND stored.state = 'deleted'
    )
ORDER BY session.session_id
LIMIT %(batch_size)s
