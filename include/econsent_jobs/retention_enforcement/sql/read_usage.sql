-- The running month's retentions against the quota, and whether somebody wants to be told that they are above it.
SELECT
    company.company_id,
    company.name AS company_name,
    date_trunc('month', %(now)s AT TIME ZONE 'UTC')::date AS period,
    settings.monthly_quota AS quota,
    settings.overage_notification_emails AS emails,
    (
        SELECT count(*) FROM econsent.retention_usage_items AS item
        WHERE item.company_id = %(company_id)s AND item.period = date_trunc('month', %(now)s AT TIME ZONE 'UTC')::date
    ) AS used,
    (settings.notify_on_overage AND usage.notified_at IS NULL AND cardinality(settings.overage_notification_emails) > 0) AS wanted
FROM econsent.companies AS company
INNER JOIN econsent.retention_settings AS settings ON company.company_id = settings.company_id
LEFT JOIN econsent.retention_usage AS usage
    ON company.company_id = usage.company_id AND usage.period = date_trunc('month', %(now)s AT TIME ZONE 'UTC')::date
WHERE company.company_id = %(company_id)s
