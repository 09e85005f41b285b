-- Read with every claim, so that a rotation counts from the next attempt on. They are cipher text here.
SELECT
    secret.endpoint_id,
    secret.secret_no,
    secret.ciphertext,
    secret.key_id,
    secret.documented_header,
    secret.ends_at
FROM econsent.webhook_secrets AS secret
WHERE secret.endpoint_id = any(%(endpoint_ids)s)
ORDER BY secret.endpoint_id, secret.secret_no
