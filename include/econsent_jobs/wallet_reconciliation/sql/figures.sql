-- The dashboard's row: usage that is due and not in the ledger, its oldest in seconds, and the wallets that a person has to look at.
SELECT
    count(*) AS backlog,
    extract(EPOCH FROM now() - min(usage.occurred_at)) AS oldest_seconds,
    'wallets that need a review' AS figure_label,
    (
        SELECT count(*) FROM econsent.wallets AS wallet
        WHERE wallet.needs_review_at IS NOT NULL
    ) AS figure
FROM econsent.usage_events AS usage
WHERE
    usage.status = 'unposted'
    AND usage.occurred_at <= now() - interval '5 minutes'
