-- A turn that came to no good end is over as well: the other wallets go on, and the next run takes this one up again.
UPDATE econsent.wallets AS wallet
SET
    last_turn_at = %(moment)s,
    lost_leases = 0,
    lease_token = NULL,
    leased_until = NULL
WHERE
    wallet.company_id = %(company_id)s
    AND wallet.lease_token = %(lease_token)s
RETURNING wallet.balance
