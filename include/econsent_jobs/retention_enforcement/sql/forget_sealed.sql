-- Stored, or never to be sent again.
DELETE FROM econsent.sealed_files AS sealed
WHERE sealed.company_id = %(company_id)s AND sealed.object_key = %(object_key)s
