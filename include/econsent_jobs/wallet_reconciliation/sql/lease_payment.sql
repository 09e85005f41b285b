-- Committed before the provider is called: while it holds, no other worker asks for or sends this payment. How often it was in hand
-- before is told as of now: another worker may have sent it since the payment was read.
UPDATE econsent.payments AS payment
SET
    lease_token = %(lease_token)s,
    leased_until = %(moment)s + make_interval(secs => %(lease_seconds)s),
    attempts = payment.attempts + 1
WHERE
    payment.payment_id = %(payment_id)s
    AND payment.status = 'pending'
    AND (payment.leased_until IS NULL OR payment.leased_until <= %(moment)s)
RETURNING payment.attempts - 1 AS attempts_before
