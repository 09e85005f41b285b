-- The limits of automatic recharges: three within a day, one open at a time, and none any more after three failures in a row.
WITH automatic AS (
    SELECT
        payment.company_id,
        payment.payment_id,
        payment.status,
        count(*) OVER (
            PARTITION BY payment.company_id ORDER BY payment.created_at
            RANGE BETWEEN INTERVAL '23:59:59.999999' PRECEDING AND CURRENT ROW
        ) AS within_a_day,
        count(*) FILTER (WHERE payment.status = 'pending') OVER (PARTITION BY payment.company_id) AS still_open
    FROM econsent.payments AS payment
    WHERE payment.kind = 'auto_recharge'
),

judged AS (
    SELECT
        automatic.company_id,
        'payment ' || automatic.payment_id AS subject,
        'recharge' AS trouble,
        'automatic recharges within a day' AS what,
        'at most 3' AS expected,
        automatic.within_a_day::text AS found
    FROM automatic
    WHERE automatic.within_a_day > 3
    UNION ALL
    SELECT
        automatic.company_id,
        'payment ' || automatic.payment_id AS subject,
        'recharge' AS trouble,
        'open automatic recharges' AS what,
        'at most 1' AS expected,
        automatic.still_open::text AS found
    FROM automatic
    WHERE automatic.status = 'pending' AND automatic.still_open > 1
    UNION ALL
    SELECT
        wallet.company_id,
        'wallet' AS subject,
        'recharge' AS trouble,
        'auto_recharge_enabled' AS what,
        'off after 3 failures in a row' AS expected,
        'on after ' || wallet.auto_recharge_failures AS found
    FROM econsent.wallets AS wallet
    WHERE wallet.auto_recharge_enabled AND wallet.auto_recharge_failures >= 3
)

SELECT
    judged.company_id,
    judged.subject,
    judged.trouble,
    judged.what,
    judged.expected,
    judged.found
FROM judged
WHERE %(company_id)s::text IS NULL OR judged.company_id = %(company_id)s
ORDER BY judged.company_id, judged.subject, judged.what
LIMIT %(most)s
