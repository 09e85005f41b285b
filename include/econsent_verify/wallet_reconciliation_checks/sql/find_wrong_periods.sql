-- A closed month adds up and stays closed: months follow each other, and what came later lies in a later month.
WITH months AS (
    SELECT
        closed.company_id,
        closed.period,
        closed.opening_balance,
        closed.closing_balance,
        closed.last_entry_no,
        (
            SELECT count(*) FROM econsent.wallet_ledger AS entry
            WHERE entry.company_id = closed.company_id AND entry.entry_no = closed.last_entry_no
        ) AS last_entries,
        lag(closed.period) OVER in_order AS period_before,
        lag(closed.closing_balance) OVER in_order AS closing_before
    FROM econsent.wallet_periods AS closed
    WHERE (%(company_id)s::text IS NULL OR closed.company_id = %(company_id)s)
    WINDOW in_order AS (PARTITION BY closed.company_id ORDER BY closed.period)
),

summed AS (
    SELECT
        months.company_id,
        months.period,
        coalesce(sum(entry.amount) FILTER (WHERE entry.period < months.period), 0)::numeric(14, 4) AS before_it,
        coalesce(sum(entry.amount), 0)::numeric(14, 4) AS with_it,
        coalesce(max(entry.entry_no) FILTER (WHERE entry.period = months.period), 0) AS last_no
    FROM months
    LEFT JOIN econsent.wallet_ledger AS entry ON months.company_id = entry.company_id AND months.period >= entry.period
    GROUP BY months.company_id, months.period
),

judged AS (
    SELECT
        months.company_id,
        'month ' || months.period AS subject,
        told.what,
        told.expected,
        told.found
    FROM months
    INNER JOIN summed ON months.company_id = summed.company_id AND months.period = summed.period
    CROSS JOIN
        LATERAL (
            VALUES
            ('opening_balance', summed.before_it::text, months.opening_balance::text),
            ('closing_balance', summed.with_it::text, months.closing_balance::text),
            ('opening_balance', coalesce(months.closing_before, months.opening_balance)::text, months.opening_balance::text),
            ('period', coalesce((months.period_before + interval '1 month')::date, months.period)::text, months.period::text),
            (
                'last_entry_no',
                'an entry, or none at all',
                CASE
                    WHEN months.last_entry_no = 0 OR months.last_entries = 1 THEN 'an entry, or none at all'
                    ELSE 'entry ' || months.last_entry_no || ', which is not there'
                END
            ),
            (
                'last_entry_no',
                'no entry of it after ' || months.last_entry_no,
                CASE
                    WHEN summed.last_no > months.last_entry_no THEN 'entry ' || summed.last_no ELSE
                        'no entry of it after ' || months.last_entry_no
                END
            )
        ) AS told (what, expected, found)
    UNION ALL
    SELECT
        entry.company_id,
        'entry ' || entry.entry_no AS subject,
        'period' AS what,
        'the month of ' || entry.occurred_at || ', or a later one where that is closed' AS expected,
        entry.period::text AS found
    FROM econsent.wallet_ledger AS entry
    LEFT JOIN econsent.wallet_periods AS before
        ON entry.company_id = before.company_id AND before.period = (entry.period - interval '1 month')::date
    WHERE
        (%(company_id)s::text IS NULL OR entry.company_id = %(company_id)s)
        AND entry.period <> date_trunc('month', entry.occurred_at AT TIME ZONE 'UTC')::date
        AND (before.period IS NULL OR entry.period < date_trunc('month', entry.occurred_at AT TIME ZONE 'UTC')::date)
)

SELECT
    judged.company_id,
    judged.subject,
    'period' AS trouble,
    judged.what,
    judged.expected,
    judged.found
FROM judged
WHERE judged.expected <> judged.found
ORDER BY judged.company_id, judged.subject, judged.what
LIMIT %(most)s
