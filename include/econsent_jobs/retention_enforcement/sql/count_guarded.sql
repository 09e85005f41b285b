-- The guard's numbers: the whole company, what went today over all runs, what is due now, and whether somebody agreed.
SELECT
    (
        SELECT count(*) FROM econsent.storage_objects AS stored
        WHERE stored.company_id = %(company_id)s AND stored.state <> 'deleted'
    )
    + gone.count AS whole,
    gone.count AS gone_today,
    (
        SELECT count(*) FROM econsent.storage_objects AS stored
        WHERE
            stored.company_id = %(company_id)s
            AND stored.state = 'expired'
            AND stored.guarded
            AND stored.purge_after <= %(now)s
    ) AS selected,
    exists(
        SELECT FROM econsent.mass_deletions AS asked
        WHERE
            asked.company_id = %(company_id)s
            AND asked.day = (%(now)s AT TIME ZONE 'UTC')::date
            AND asked.decision = 'approved'
    ) AS approved
FROM (
    SELECT count(*) AS count
    FROM econsent.storage_objects AS stored
    WHERE
        stored.company_id = %(company_id)s
        AND stored.state = 'deleted'
        AND stored.guarded
        AND stored.deleted_at >= date_trunc('day', %(now)s AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
) AS gone
