-- Requests that wait, and deferred ones whose locks have ended; oldest first.
SELECT
    request.request_id,
    request.company_id,
    request.kind,
    request.email,
    request.phone,
    request.received_at,
    request.due_at,
    request.status
FROM econsent.deletion_requests AS request
WHERE
    request.kind <> 'account'
    AND request.request_id > %(after)s
    AND (
        request.status IN ('received', 'processing')
        OR (request.status = 'deferred' AND coalesce(request.deferred_until, %(now)s) <= %(now)s)
    )
ORDER BY request.request_id
LIMIT %(batch_size)s
