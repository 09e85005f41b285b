-- A wallet's balance, its last number and hash, and its checkpoint are caches: each must be what the entries say.
WITH summed AS (
    SELECT
        entry.company_id,
        sum(entry.amount) AS amount,
        count(*) AS entries,
        max(entry.entry_no) AS last_no
    FROM econsent.wallet_ledger AS entry
    WHERE (%(company_id)s::text IS NULL OR entry.company_id = %(company_id)s)
    GROUP BY entry.company_id
)

SELECT
    wallet.company_id,
    'wallet' AS subject,
    told.trouble,
    told.what,
    coalesce(told.expected, 'nothing') AS expected,
    coalesce(told.found, 'nothing') AS found
FROM econsent.wallets AS wallet
LEFT JOIN summed ON wallet.company_id = summed.company_id
LEFT JOIN econsent.wallet_ledger AS last_entry ON wallet.company_id = last_entry.company_id AND summed.last_no = last_entry.entry_no
LEFT JOIN econsent.wallet_ledger AS checked
    ON wallet.company_id = checked.company_id AND wallet.checkpoint_entry_no = checked.entry_no
CROSS JOIN
    LATERAL (
        VALUES
        ('balance', 'balance', coalesce(summed.amount, 0)::numeric(14, 4)::text, wallet.balance::text),
        ('count', 'last_entry_no', coalesce(summed.entries, 0)::text, wallet.last_entry_no::text),
        ('last_hash', 'last_entry_hash', last_entry.entry_hash::text, wallet.last_entry_hash::text),
        (
            'checkpoint',
            'checkpoint_balance',
            CASE
                WHEN wallet.checkpoint_entry_no = 0 THEN 0::numeric(14, 4)::text
                ELSE coalesce(checked.balance_after::text, 'an entry ' || wallet.checkpoint_entry_no)
            END,
            wallet.checkpoint_balance::text
        )
    ) AS told (trouble, what, expected, found)
WHERE
    (%(company_id)s::text IS NULL OR wallet.company_id = %(company_id)s)
    AND told.expected IS DISTINCT FROM told.found
ORDER BY wallet.company_id, told.trouble
LIMIT %(most)s
