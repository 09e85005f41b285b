-- Bytes that waited to be sent.
DELETE FROM econsent.sealed_documents AS sealed
WHERE sealed.company_id = %(company_id)s AND sealed.certificate_pk = any(%(certificate_pks)s)
