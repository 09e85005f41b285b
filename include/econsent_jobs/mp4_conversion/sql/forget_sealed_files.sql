-- They are stored, or what was staged is gone and has to be made again.
DELETE FROM econsent.sealed_files AS sealed
WHERE
    sealed.company_id = %(company_id)s
    AND sealed.session_id = %(session_id)s
    AND sealed.kind IN ('video', 'poster', 'sidecar')
