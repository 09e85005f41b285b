-- Only after the archive itself said so.
UPDATE econsent.storage_objects AS stored
SET tier = 3, storage_class = %(storage_class)s, tiered_at = %(now)s
WHERE stored.company_id = %(company_id)s AND stored.storage_object_id = %(object_id)s AND stored.tier = 2
