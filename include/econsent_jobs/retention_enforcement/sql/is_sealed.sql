-- Whether somebody is about to write this key's row.
SELECT
    EXISTS (
        SELECT FROM econsent.sealed_files AS sealed
        WHERE sealed.object_key = %(key)s
    )
    OR EXISTS (
        SELECT FROM econsent.sealed_documents AS sealed
        WHERE sealed.object_key = %(key)s
    ) AS sealed
