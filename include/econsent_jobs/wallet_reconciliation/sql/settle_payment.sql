-- The provider's answer, once: a payment that is settled already is not settled again.
UPDATE econsent.payments AS payment
SET
    status = %(status)s,
    provider_ref = %(provider_ref)s,
    settled_at = %(moment)s,
    last_error = %(last_error)s,
    lease_token = NULL,
    leased_until = NULL
WHERE
    payment.payment_id = %(payment_id)s
    AND payment.status = 'pending'
RETURNING payment.payment_id
