-- Why a payment is still open, and nobody's at the moment.
UPDATE econsent.payments AS payment
SET
    last_error = %(last_error)s,
    lease_token = NULL,
    leased_until = NULL
WHERE
    payment.payment_id = %(payment_id)s
    AND payment.lease_token = %(lease_token)s
