-- What all months before one added up to, and whether that one is closed.
SELECT
    coalesce((
        SELECT sum(entry.amount)
        FROM econsent.wallet_ledger AS entry
        WHERE entry.company_id = %(company_id)s AND entry.period < %(period)s
    ), 0)::numeric(14, 4) AS opening,
    (
        SELECT max(closed.period)
        FROM econsent.wallet_periods AS closed
        WHERE closed.company_id = %(company_id)s
    ) AS closed_until,
    (
        SELECT count(*)
        FROM econsent.usage_events AS usage
        WHERE usage.company_id = %(company_id)s AND usage.status = 'unposted' AND usage.occurred_at < %(next_period)s
    )::integer AS unposted
