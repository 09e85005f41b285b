-- Each settled payment and each refund is in the ledger once, with its amount, and no refund exceeds its payment.
WITH expected_entries AS (
    SELECT
        payment.company_id,
        payment.payment_id,
        'payment:' || payment.payment_id AS idempotency_key,
        payment.kind AS entry_type,
        payment.amount,
        payment.ledger_id
    FROM econsent.payments AS payment
    WHERE payment.status IN ('succeeded', 'refunded', 'disputed')
    UNION ALL
    SELECT
        payment.company_id,
        payment.payment_id,
        back.kind || ':' || back.refund_ref AS idempotency_key,
        back.kind AS entry_type,
        -back.amount AS amount,
        back.ledger_id
    FROM econsent.payment_refunds AS back
    INNER JOIN econsent.payments AS payment ON back.payment_id = payment.payment_id
),

entries AS (
    SELECT
        entry.company_id,
        entry.entry_no,
        entry.payment_id,
        entry.idempotency_key,
        entry.entry_type,
        entry.amount,
        entry.ledger_id
    FROM econsent.wallet_ledger AS entry
    WHERE entry.entry_type IN ('recharge', 'auto_recharge', 'refund', 'dispute') OR entry.payment_id IS NOT NULL
),

judged AS (
    SELECT
        entries.company_id,
        'entry ' || entries.entry_no AS subject,
        'payment' AS trouble,
        entries.idempotency_key AS what,
        concat_ws(
            ' ', expected_entries.entry_type, expected_entries.amount, 'of', expected_entries.company_id, expected_entries.payment_id,
            'as', expected_entries.ledger_id
        ) AS expected,
        concat_ws(' ', entries.entry_type, entries.amount, 'of', entries.company_id, entries.payment_id, 'as', entries.ledger_id) AS found
    FROM entries
    LEFT JOIN expected_entries ON entries.idempotency_key = expected_entries.idempotency_key
    UNION ALL
    SELECT
        expected_entries.company_id,
        'payment ' || expected_entries.payment_id AS subject,
        'payment' AS trouble,
        expected_entries.idempotency_key AS what,
        'an entry ' || expected_entries.ledger_id AS expected,
        'none' AS found
    FROM expected_entries
    LEFT JOIN entries ON expected_entries.idempotency_key = entries.idempotency_key
    WHERE expected_entries.ledger_id IS NOT NULL AND entries.ledger_id IS NULL
    UNION ALL
    SELECT
        payment.company_id,
        'payment ' || payment.payment_id AS subject,
        'refunds' AS trouble,
        'refunded_amount' AS what,
        coalesce(sum(back.amount), 0)::numeric(14, 4) || ', at most ' || payment.amount AS expected,
        CASE
            WHEN coalesce(sum(back.amount), 0) > payment.amount THEN coalesce(sum(back.amount), 0) || ' of ' || payment.amount
            ELSE payment.refunded_amount || ', at most ' || payment.amount
        END AS found
    FROM econsent.payments AS payment
    LEFT JOIN econsent.payment_refunds AS back ON payment.payment_id = back.payment_id
    GROUP BY payment.company_id, payment.payment_id, payment.amount, payment.refunded_amount
    UNION ALL
    SELECT
        payment.company_id,
        'payment ' || payment.payment_id AS subject,
        'refunds' AS trouble,
        back.kind || ' ' || back.refund_ref AS what,
        'a payment that succeeded' AS expected,
        payment.status AS found
    FROM econsent.payment_refunds AS back
    INNER JOIN econsent.payments AS payment ON back.payment_id = payment.payment_id
    WHERE payment.status IN ('pending', 'failed')
)

SELECT
    judged.company_id,
    judged.subject,
    judged.trouble,
    judged.what,
    judged.expected,
    judged.found
FROM judged
WHERE
    (%(company_id)s::text IS NULL OR judged.company_id = %(company_id)s)
    AND judged.expected <> judged.found
ORDER BY judged.company_id, judged.subject, judged.what
LIMIT %(most)s
