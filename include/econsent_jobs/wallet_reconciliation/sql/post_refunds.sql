-- What went back of payments that are in the ledger, by the provider's own reference. A refund goes to the card, so the wallet loses it.
WITH due AS MATERIALIZED (
    SELECT
        refund.refund_ref,
        refund.kind,
        refund.amount,
        refund.payment_id,
        refund.created_at
    FROM econsent.payment_refunds AS refund
    INNER JOIN econsent.payments AS payment ON refund.payment_id = payment.payment_id
    WHERE
        refund.ledger_id IS NULL
        AND payment.company_id = %(company_id)s
        AND payment.ledger_id IS NOT NULL
    ORDER BY refund.created_at, refund.refund_ref
    LIMIT %(batch_size)s
    FOR NO KEY UPDATE OF refund SKIP LOCKED
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
                    due.kind,
                    -due.amount,
                    NULL,
                    NULL,
                    NULL,
                    NULL,
                    due.payment_id,
                    NULL,
                    due.kind || ':' || due.refund_ref,
                    due.created_at,
                    NULL
                )::econsent.ledger_request ORDER BY due.created_at, due.refund_ref), ARRAY[]::econsent.ledger_request[])
            FROM due
        ),
        'system:scheduler',
        %(run_id)s
    ) AS entry
)

UPDATE econsent.payment_refunds AS refund
SET ledger_id = posted.ledger_id
FROM posted
WHERE posted.idempotency_key = refund.kind || ':' || refund.refund_ref
RETURNING refund.refund_ref
