-- Recordings on the shared file system whose archived copy has been deleted: nobody was to have them any longer.
SELECT
    session.session_id,
    session.recording_path
FROM econsent.sessions AS session
WHERE
    session.company_id = %(company_id)s
    AND session.retention_status = 'retained'
    AND session.recording_path IS NOT NULL
    AND session.session_id > %(after)s
    AND session.session_id = any(
        array(
            SELECT gone.session_id
            FROM econsent.storage_objects AS gone
            WHERE
                gone.company_id = %(company_id)s
                AND gone.state = 'deleted'
                AND gone.backend = 's3'
                AND gone.kind = 'recording'
                AND gone.deleted_at >= %(now)s - interval '30 days'
        )
    )
    AND NOT EXISTS (
        SELECT FROM econsent.storage_objects AS stored
        WHERE
            stored.company_id = %(company_id)s
            AND stored.session_id = session.session_id
            AND stored.kind = 'recording'
            AND (stored.state <> 'deleted' AND stored.backend = 's3' OR stored.state = 'deleted' AND stored.backend = 'efs')
    )
ORDER BY session.session_id
LIMIT %(batch_size)s
