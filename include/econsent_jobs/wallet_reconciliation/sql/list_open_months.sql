-- Months with more retentions than their quota and units not billed yet, however old. The running month keeps the highest quota it saw.
WITH months AS (
    SELECT
        item.period,
        count(*)::integer AS retained
    FROM econsent.retention_usage_items AS item
    WHERE item.company_id = %(company_id)s
    GROUP BY item.period
),

quotas AS (
    INSERT INTO econsent.retention_usage AS kept (company_id, period, monthly_quota)
    SELECT
        settings.company_id,
        months.period,
        settings.monthly_quota
    FROM months
    INNER JOIN econsent.retention_settings AS settings ON settings.company_id = %(company_id)s
    ON CONFLICT (company_id, period) DO UPDATE
        SET
            monthly_quota = CASE
                WHEN kept.monthly_quota IS NULL THEN excluded.monthly_quota
                WHEN kept.period = %(running_month)s THEN greatest(kept.monthly_quota, excluded.monthly_quota)
                ELSE kept.monthly_quota
            END
        WHERE
        kept.monthly_quota IS NULL
        OR (kept.period = %(running_month)s AND kept.monthly_quota < excluded.monthly_quota)
    RETURNING kept.period, kept.monthly_quota
)

SELECT
    months.period,
    coalesce(quotas.monthly_quota, kept.monthly_quota) AS quota,
    months.retained,
    coalesce(kept.overage_billed, 0) AS billed
FROM months
LEFT JOIN quotas ON months.period = quotas.period
LEFT JOIN econsent.retention_usage AS kept ON kept.company_id = %(company_id)s AND months.period = kept.period
WHERE months.retained - coalesce(quotas.monthly_quota, kept.monthly_quota) > coalesce(kept.overage_billed, 0)
ORDER BY months.period
LIMIT %(most)s
