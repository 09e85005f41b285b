-- Retained sessions whose recording went lately and of which nothing is stored any more, neither in the archive nor as a hot copy.
UPDATE econsent.sessions AS session
SET retention_status = 'deleted', updated_at = now()
WHERE
    session.company_id = %(company_id)s
    AND session.retention_status = 'retained'
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
        WHERE stored.company_id = %(company_id)s AND stored.session_id = session.session_id AND stored.state <> 'deleted'
    )
    AND (
        session.recording_path IS NULL
        OR EXISTS (
            SELECT FROM econsent.storage_objects AS copy
            WHERE
                copy.company_id = %(company_id)s
                AND copy.session_id = session.session_id
                AND copy.kind = 'recording'
                AND copy.backend = 'efs'
                AND copy.state = 'deleted'
        )
    )
RETURNING session.session_id
