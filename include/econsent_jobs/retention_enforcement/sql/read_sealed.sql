-- What an earlier try sealed and may have sent already.
SELECT
    sealed.object_key,
    sealed.staging_path,
    sealed.bytes,
    sealed.sha256,
    sealed.content_type,
    sealed.retain_until
FROM econsent.sealed_files AS sealed
WHERE sealed.company_id = %(company_id)s AND sealed.object_key = %(object_key)s
