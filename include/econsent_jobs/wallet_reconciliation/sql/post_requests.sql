-- Entries that a rule has made, in the order in which it made them.
SELECT
    entry.idempotency_key,
    entry.ledger_id,
    entry.entry_no
FROM
    econsent.post_entries(
        %(company_id)s,
        (
            SELECT
                coalesce(array_agg(row(
                    asked.entry_type, asked.amount, asked.sku, asked.quantity, asked.unit_price, asked.usage_id, asked.payment_id,
                    asked.reverses_ledger_id, asked.idempotency_key, asked.occurred_at, asked.memo
                )::econsent.ledger_request ORDER BY asked.position), ARRAY[]::econsent.ledger_request[])
            FROM
                unnest(
                    %(entry_types)s::text[],
                    %(amounts)s::numeric[],
                    %(skus)s::text[],
                    %(quantities)s::integer[],
                    %(unit_prices)s::numeric[],
                    %(usage_ids)s::bigint[], %(payment_ids)s::text[], %(reverses_ledger_ids)s::bigint[], %(idempotency_keys)s::text[],
                    %(occurred_ats)s::timestamptz[], %(memos)s::text[]
                ) WITH ORDINALITY
                    AS asked (
                        entry_type,
                        amount,
                        sku,
                        quantity,
                        unit_price,
                        usage_id,
                        payment_id,
                        reverses_ledger_id,
                        idempotency_key,
                        occurred_at,
                        memo,
                        position
                    )
        ),
        %(created_by)s,
        %(run_id)s
    ) AS entry
ORDER BY entry.entry_no
