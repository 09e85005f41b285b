-- Open payments: our own at once, since nobody else asks for them; a person's when it has been open for long.
SELECT
    payment.payment_id,
    payment.company_id,
    payment.amount,
    payment.kind = 'auto_recharge' AS ours,
    payment.attempts,
    payment.created_at
FROM econsent.payments AS payment
WHERE
    payment.company_id = %(company_id)s
    AND payment.status = 'pending'
    AND (payment.kind = 'auto_recharge' OR payment.created_at <= %(asked_from)s)
    AND (payment.leased_until IS NULL OR payment.leased_until <= %(moment)s)
ORDER BY payment.created_at, payment.payment_id
LIMIT %(most)s
