-- A root lies under lock.
UPDATE econsent.tombstone_roots AS root
SET bucket = %(bucket)s, version_id = %(version_id)s
WHERE root.object_key = %(object_key)s AND root.version_id IS NULL
