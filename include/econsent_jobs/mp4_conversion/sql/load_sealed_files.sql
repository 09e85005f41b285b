-- What an earlier try sealed: it is sent as it was.
SELECT
    sealed.kind,
    sealed.object_key,
    sealed.staging_path,
    sealed.bytes,
    sealed.sha256,
    sealed.content_type,
    sealed.retain_until
FROM econsent.sealed_files AS sealed
WHERE
    sealed.company_id = %(company_id)s
    AND sealed.session_id = %(session_id)s
    AND sealed.kind IN ('video', 'poster', 'sidecar')
ORDER BY sealed.kind
