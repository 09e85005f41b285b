-- The decision to recharge. It is committed before the provider hears of it, and its own id is the provider's idempotency key.
INSERT INTO econsent.payments (payment_id, company_id, kind, idempotency_key, amount, status, created_at)
VALUES (%(payment_id)s, %(company_id)s, 'auto_recharge', %(payment_id)s, %(amount)s, 'pending', %(moment)s)
