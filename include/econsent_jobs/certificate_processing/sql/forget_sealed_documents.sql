-- They did their work: the bytes lie in the archive, or never will.
DELETE FROM econsent.sealed_documents AS document
WHERE
    document.company_id = %(company_id)s
    AND document.certificate_pk = any(%(certificate_pks)s)
