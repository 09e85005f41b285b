-- Requests that say they are done and still name somebody, or wait past their date.
SELECT
    request.request_id,
    request.status,
    num_nonnulls(request.email, request.phone) AS names
FROM econsent.deletion_requests AS request
WHERE
    (request.status = 'completed' AND (num_nonnulls(request.email, request.phone) > 0 OR request.completed_at IS NULL))
    OR (request.status IN ('received', 'processing') AND request.due_at < now())
ORDER BY request.request_id
LIMIT 1000
