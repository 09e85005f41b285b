-- What the store did not delete, each with its reason; the next run asks again.
UPDATE econsent.storage_objects AS stored
SET refusal = refused.reason
FROM unnest(%(object_ids)s::bigint[], %(reasons)s::text[]) AS refused (object_id, reason)
WHERE stored.company_id = %(company_id)s AND stored.storage_object_id = refused.object_id
