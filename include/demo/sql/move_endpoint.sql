-- The receiver's port may be another one after a start.
UPDATE econsent.webhook_endpoints
SET url = %(url)s, updated_at = now()
WHERE endpoint_id = %(endpoint_id)s AND url <> %(url)s
