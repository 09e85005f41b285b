-- The row exists since the company does, with the quota of its plan.
UPDATE econsent.retention_settings
SET
    auto_retention_enabled = %(enabled)s,
    auto_retention_mode = %(mode)s,
    notify_on_overage = %(enabled)s,
    overage_notification_emails = %(emails)s,
    object_lock_years = %(object_lock_years)s,
    changed_at = now(),
    updated_at = now()
WHERE company_id = %(company_id)s
