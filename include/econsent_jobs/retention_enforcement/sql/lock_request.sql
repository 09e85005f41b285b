-- One worker at a request.
SELECT
    request.request_id,
    request.company_id,
    request.kind,
    request.email,
    request.phone,
    request.received_at,
    request.due_at,
    request.status,
    request.result
FROM econsent.deletion_requests AS request
WHERE request.request_id = %(request_id)s AND request.status IN ('received', 'processing', 'deferred')
FOR NO KEY UPDATE SKIP LOCKED
