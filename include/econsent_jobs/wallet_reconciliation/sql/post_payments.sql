-- Settled payments that are not in the ledger yet.
WITH due AS MATERIALIZED (
    SELECT
        payment.payment_id,
        payment.kind,
        payment.amount,
        coalesce(payment.settled_at, payment.created_at) AS occurred_at
    FROM econsent.payments AS payment
    WHERE
        payment.company_id = %(company_id)s
        AND payment.ledger_id IS NULL
        AND payment.status IN ('succeeded', 'refunded', 'disputed')
    ORDER BY payment.created_at, payment.payment_id
    LIMIT %(batch_size)s
    FOR NO KEY UPDATE SKIP LOCKED
),

posted AS MATERIALIZED (
    SELECT
        entry.idempotency_key,
        entry.ledger_id
    FROM econsent.post_entries(
        %(company_id)s,
        (
            SELECT
                coalesce(array_agg(row(
                    due.kind, due.amount, NULL, NULL, NULL, NULL, due.payment_id, NULL, 'payment:' || due.payment_id, due.occurred_at, NULL
                )::econsent.ledger_request ORDER BY due.occurred_at, due.payment_id), ARRAY[]::econsent.ledger_request[])
            FROM due
        ),
        'system:scheduler',
        %(run_id)s
    ) AS entry
)

UPDATE econsent.payments AS payment
SET ledger_id = posted.ledger_id
FROM posted
WHERE posted.idempotency_key = 'payment:' || payment.payment_id AND payment.company_id = %(company_id)s
RETURNING payment.payment_id
