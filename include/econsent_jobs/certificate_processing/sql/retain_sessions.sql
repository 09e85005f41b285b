-- Auto-retention, by the policy at this moment: the one function that retention enforcement calls too.
SELECT econsent.retain_automatically(%(company_id)s, %(session_ids)s)
