-- A reversal takes back exactly one earlier charge of the same company, once; nothing else points at an entry.
WITH pointed AS (
    SELECT
        entry.company_id,
        entry.entry_no,
        entry.entry_type,
        entry.amount,
        entry.idempotency_key,
        entry.reverses_ledger_id,
        cause.company_id AS cause_company,
        cause.entry_no AS cause_no,
        cause.entry_type AS cause_type,
        cause.amount AS cause_amount,
        count(*) OVER (PARTITION BY entry.reverses_ledger_id) AS reversals
    FROM econsent.wallet_ledger AS entry
    LEFT JOIN econsent.wallet_ledger AS cause ON entry.reverses_ledger_id = cause.ledger_id
    WHERE entry.entry_type = 'reversal' OR entry.reverses_ledger_id IS NOT NULL
)

SELECT
    pointed.company_id,
    'entry ' || pointed.entry_no AS subject,
    'reversal' AS trouble,
    told.what,
    told.expected,
    coalesce(told.found, 'nothing') AS found
FROM pointed
CROSS JOIN
    LATERAL (
        VALUES
        ('entry_type', 'reversal', pointed.entry_type),
        (
            'reverses_ledger_id',
            'an earlier charge of ' || pointed.company_id,
            CASE
                WHEN pointed.cause_no < pointed.entry_no AND pointed.cause_type <> 'reversal'
                    THEN 'an earlier charge of ' || pointed.cause_company
                ELSE concat_ws(' ', pointed.cause_type, 'entry', pointed.cause_no)
            END
        ),
        ('amount', coalesce((-pointed.cause_amount)::text, 'that of its cause'), pointed.amount::text),
        ('idempotency_key', coalesce('reversal:' || pointed.reverses_ledger_id, 'reversal of an entry'), pointed.idempotency_key),
        ('reverses_ledger_id', 'one reversal', CASE pointed.reversals WHEN 1 THEN 'one reversal' ELSE pointed.reversals || ' reversals' END)
    ) AS told (what, expected, found)
WHERE
    (%(company_id)s::text IS NULL OR pointed.company_id = %(company_id)s)
    AND told.expected IS DISTINCT FROM told.found
ORDER BY pointed.company_id, pointed.entry_no, told.what
LIMIT %(most)s
