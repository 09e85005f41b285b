-- What a further run would find: wallets that have had no turn, and how long the one that waits longest has been waiting.
SELECT
    count(*)::integer AS due,
    coalesce(extract(EPOCH FROM %(moment)s - min(coalesce(wallet.last_turn_at, wallet.updated_at))), 0)::integer AS oldest_seconds
FROM econsent.wallets AS wallet
WHERE wallet.last_turn_at IS NULL OR wallet.last_turn_at < %(due_before)s
