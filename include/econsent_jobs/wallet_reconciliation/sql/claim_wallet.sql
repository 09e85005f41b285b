-- One wallet at a time, in the order of the ids: a kill then stalls one company, and lanes share the rest.
WITH due AS (
    SELECT wallet.company_id
    FROM econsent.wallets AS wallet
    WHERE
        (wallet.last_turn_at IS NULL OR wallet.last_turn_at < %(due_before)s)
        AND (wallet.leased_until IS NULL OR wallet.leased_until <= %(moment)s)
    ORDER BY wallet.company_id
    LIMIT %(batch_size)s
    FOR NO KEY UPDATE SKIP LOCKED
)

UPDATE econsent.wallets AS wallet
SET
    lease_token = %(lease_token)s,
    leased_until = %(moment)s + make_interval(secs => %(lease_seconds)s),
    lost_leases = wallet.lost_leases + 1
FROM due
WHERE wallet.company_id = due.company_id
RETURNING wallet.company_id, wallet.lost_leases - 1 AS lost_leases
