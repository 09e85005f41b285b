-- Whether there is anything to compare between holds and the archive.
SELECT
    EXISTS (
        SELECT FROM econsent.legal_holds AS hold
        WHERE hold.company_id = %(company_id)s AND hold.released_at IS NULL
    )
    OR EXISTS (
        SELECT FROM econsent.storage_objects AS stored
        WHERE stored.company_id = %(company_id)s AND stored.held_at IS NOT NULL AND stored.state <> 'deleted'
    ) AS any_hold
