-- A certificate of destruction lies under lock.
UPDATE econsent.destruction_certificates AS certificate
SET bucket = %(bucket)s, version_id = %(version_id)s
WHERE certificate.object_key = %(object_key)s AND certificate.version_id IS NULL
