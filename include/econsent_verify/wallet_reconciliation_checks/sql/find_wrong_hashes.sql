-- Each entry is hashed again from its own columns, first what was asked for, then all of it.
WITH hashed AS (
    SELECT
        entry.company_id,
        entry.entry_no,
        entry.entry_hash,
        entry.request_sha256,
        encode(sha256(convert_to(concat_ws(
            chr(31),
            entry.prev_hash,
            entry.request_sha256,
            entry.entry_no,
            entry.ledger_id,
            entry.balance_after,
            entry.period,
            coalesce(entry.memo, ''),
            entry.created_by,
            coalesce(entry.run_id, ''),
            to_char(entry.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        ), 'UTF8')), 'hex') AS hash_again,
        encode(sha256(convert_to(concat_ws(
            chr(31),
            entry.company_id,
            entry.entry_type,
            entry.amount,
            coalesce(entry.sku, ''),
            coalesce(entry.quantity::text, ''),
            coalesce(entry.unit_price::text, ''),
            coalesce(entry.usage_id::text, ''),
            coalesce(entry.payment_id, ''),
            coalesce(entry.reverses_ledger_id::text, ''),
            entry.idempotency_key,
            to_char(entry.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        ), 'UTF8')), 'hex') AS request_again
    FROM econsent.wallet_ledger AS entry
    WHERE (%(company_id)s::text IS NULL OR entry.company_id = %(company_id)s)
),

wrong AS (
    SELECT * FROM hashed
    WHERE hash_again <> entry_hash OR request_again <> request_sha256
    ORDER BY company_id, entry_no
    LIMIT %(most)s
)

SELECT
    wrong.company_id,
    'entry ' || wrong.entry_no AS subject,
    told.trouble,
    told.what,
    told.expected,
    told.found
FROM wrong
CROSS JOIN
    LATERAL (
        VALUES
        ('hash', 'entry_hash', wrong.hash_again, wrong.entry_hash::text),
        ('request', 'request_sha256', wrong.request_again, wrong.request_sha256::text)
    ) AS told (trouble, what, expected, found)
WHERE told.expected <> told.found
ORDER BY wrong.company_id, wrong.entry_no, told.trouble
