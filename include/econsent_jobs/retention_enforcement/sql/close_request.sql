-- The report, and with it the person's own address and number go from the request.
UPDATE econsent.deletion_requests AS request
SET
    status = %(status)s,
    deferred_until = %(deferred_until)s,
    completed_at = CASE WHEN %(status)s = 'completed' THEN %(now)s ELSE request.completed_at END,
    email = CASE WHEN %(forget)s THEN NULL ELSE request.email END,
    phone = CASE WHEN %(forget)s THEN NULL ELSE request.phone END,
    result = %(result)s
WHERE request.request_id = %(request_id)s AND request.status IN ('received', 'processing', 'deferred')
RETURNING request.request_id
