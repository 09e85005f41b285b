-- Seals of recordings that are stored: the request came late, when another worker had done all of it and gone.
DELETE FROM econsent.sealed_files AS sealed
USING econsent.storage_objects AS stored
WHERE
    sealed.kind = 'recording'
    AND stored.company_id = sealed.company_id
    AND stored.session_id = sealed.session_id
    AND stored.object_key = sealed.object_key
    AND stored.kind = 'recording'
    AND stored.backend = 's3'
