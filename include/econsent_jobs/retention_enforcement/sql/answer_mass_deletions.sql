-- The second person's answer, once.
UPDATE econsent.mass_deletions AS asked
SET decision = %(decision)s, decided_by = %(decided_by)s, decided_at = now()
WHERE asked.run_id = %(run_id)s AND asked.company_id = any(%(company_ids)s) AND asked.decision IS NULL
RETURNING asked.company_id, asked.selected, asked.gone_today, asked.whole
