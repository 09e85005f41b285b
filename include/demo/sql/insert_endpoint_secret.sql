-- The secret that signs the documented header.
INSERT INTO econsent.webhook_secrets (endpoint_id, secret_no, ciphertext, key_id, documented_header)
VALUES (%(endpoint_id)s, 1, %(ciphertext)s, %(key_id)s, TRUE)
