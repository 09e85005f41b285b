-- How much was looked at, and what the next run still has to post: waiting is no finding.
SELECT
    (
        SELECT count(*) FROM econsent.wallets AS wallet
        WHERE (%(company_id)s::text IS NULL OR wallet.company_id = %(company_id)s)
    ) AS wallets,
    (
        SELECT count(*) FROM econsent.wallet_ledger AS entry
        WHERE (%(company_id)s::text IS NULL OR entry.company_id = %(company_id)s)
    ) AS entries,
    (
        SELECT count(*) FROM econsent.usage_events AS used
        WHERE
            used.status = 'unposted'
            AND (%(company_id)s::text IS NULL OR used.company_id = %(company_id)s)
    ) AS waiting
