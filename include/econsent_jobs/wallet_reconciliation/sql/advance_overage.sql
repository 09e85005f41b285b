-- Only from where the units were counted: a run that billed them in between leaves no row to change here.
UPDATE econsent.retention_usage AS usage
SET overage_billed = %(billed)s
WHERE
    usage.company_id = %(company_id)s
    AND usage.period = %(period)s
    AND usage.overage_billed = %(billed_before)s
RETURNING usage.period
