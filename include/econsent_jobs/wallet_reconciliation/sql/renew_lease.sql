-- A company with much to post keeps its lease from slice to slice; no row comes back when another worker has it by now.
UPDATE econsent.wallets AS wallet
SET leased_until = %(moment)s + make_interval(secs => %(lease_seconds)s)
WHERE
    wallet.company_id = %(company_id)s
    AND wallet.lease_token = %(lease_token)s
RETURNING wallet.company_id
