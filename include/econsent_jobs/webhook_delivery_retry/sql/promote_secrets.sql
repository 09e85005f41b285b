-- Then the newest that goes on takes its place.
UPDATE econsent.webhook_secrets AS secret
SET documented_header = TRUE
FROM (
    SELECT
        newest.endpoint_id,
        max(newest.secret_no) AS secret_no
    FROM econsent.webhook_secrets AS newest
    WHERE newest.endpoint_id = any(%(endpoint_ids)s) AND (newest.ends_at IS NULL OR newest.ends_at > now())
    GROUP BY newest.endpoint_id
) AS newest
WHERE secret.endpoint_id = newest.endpoint_id AND secret.secret_no = newest.secret_no
