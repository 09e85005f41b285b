-- Requests past the thirty days that were promised.
SELECT count(*) AS overdue
FROM econsent.deletion_requests AS request
WHERE request.status IN ('received', 'processing') AND request.due_at <= %(now)s
