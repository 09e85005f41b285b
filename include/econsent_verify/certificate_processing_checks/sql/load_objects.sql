-- What is recorded as stored for one page of certificates; videos and recordings belong to sessions and are another verifier's, and so are
-- captured pages on the share, to which retention gives rows before it removes them.
SELECT
    stored.certificate_pk,
    stored.storage_object_id,
    stored.company_id,
    stored.session_id,
    stored.kind,
    stored.backend,
    stored.tier,
    stored.bucket,
    stored.object_key,
    stored.version_id,
    stored.bytes,
    stored.sha256,
    stored.content_type,
    stored.storage_class,
    stored.lock_mode,
    stored.retain_until,
    stored.state
FROM econsent.storage_objects AS stored
WHERE
    stored.company_id = %(company_id)s
    AND stored.certificate_pk = any(%(certificate_pks)s)
    AND NOT (stored.kind = 'dom' AND stored.backend = 'efs' AND stored.bucket IS NULL)
ORDER BY stored.storage_object_id
