-- What is stored of certificates and sessions, of whatever kind and wherever.
SELECT stored.storage_object_id AS object_id
FROM econsent.storage_objects AS stored
WHERE
    stored.company_id = %(company_id)s
    AND stored.state <> 'deleted'
    AND (stored.certificate_pk = any(%(certificate_pks)s) OR stored.session_id = any(%(session_ids)s))
ORDER BY stored.storage_object_id
