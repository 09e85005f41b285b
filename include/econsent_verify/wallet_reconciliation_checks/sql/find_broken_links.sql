-- Each entry continues the one before it: numbers without a gap, balances that add up, and the hash of the one before.
WITH linked AS (
    SELECT
        entry.company_id,
        entry.entry_no,
        entry.amount,
        entry.balance_after,
        entry.prev_hash,
        lag(entry.entry_no, 1, 0::bigint) OVER chain AS number_before,
        lag(entry.balance_after, 1, 0::numeric) OVER chain AS balance_before,
        lag(entry.entry_hash, 1, repeat('0', 64)::bpchar) OVER chain AS hash_before
    FROM econsent.wallet_ledger AS entry
    WHERE (%(company_id)s::text IS NULL OR entry.company_id = %(company_id)s)
    WINDOW chain AS (PARTITION BY entry.company_id ORDER BY entry.entry_no)
),

broken AS (
    SELECT * FROM linked
    WHERE number_before + 1 <> entry_no OR balance_before + amount <> balance_after OR hash_before <> prev_hash
    ORDER BY company_id, entry_no
    LIMIT %(most)s
)

SELECT
    broken.company_id,
    'entry ' || broken.entry_no AS subject,
    told.trouble,
    told.what,
    told.expected,
    told.found
FROM broken
CROSS JOIN
    LATERAL (
        VALUES
        ('gap', 'entry_no', (broken.number_before + 1)::text, broken.entry_no::text),
        ('balance_chain', 'balance_after', (broken.balance_before + broken.amount)::text, broken.balance_after::text),
        ('chain', 'prev_hash', broken.hash_before::text, broken.prev_hash::text)
    ) AS told (trouble, what, expected, found)
WHERE told.expected <> told.found
ORDER BY broken.company_id, broken.entry_no, told.trouble
