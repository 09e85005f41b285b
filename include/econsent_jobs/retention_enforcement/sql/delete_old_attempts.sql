-- What receivers answered more than 90 days ago.
DELETE FROM econsent.webhook_attempts AS attempt
USING (
    SELECT
        old.delivery_id,
        old.attempt_no
    FROM econsent.webhook_attempts AS old
    INNER JOIN econsent.webhook_deliveries AS delivery ON old.delivery_id = delivery.delivery_id
    WHERE
        old.started_at < %(now)s - interval '90 days'
        AND delivery.status IN ('delivered', 'exhausted', 'cancelled')
    ORDER BY old.started_at
    LIMIT %(batch_size)s
) AS gone
WHERE attempt.delivery_id = gone.delivery_id AND attempt.attempt_no = gone.attempt_no
