-- The account's own request ends with it.
UPDATE econsent.deletion_requests AS request
SET status = 'completed', completed_at = %(now)s, email = NULL, phone = NULL
WHERE request.company_id = %(company_id)s AND request.kind = 'account' AND request.status IN ('received', 'processing', 'deferred')
RETURNING request.request_id
