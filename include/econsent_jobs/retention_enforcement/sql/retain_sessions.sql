-- The function that certificate processing calls too: status, source, video and the unit of usage in one.
SELECT econsent.retain_automatically(%(company_id)s, %(session_ids)s) AS session_id
