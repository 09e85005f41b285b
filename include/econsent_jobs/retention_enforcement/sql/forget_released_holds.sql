-- The person's names in holds that are over. A hold in force keeps its own.
SELECT econsent.forget_released_holds(%(company_id)s, %(names)s) AS forgotten
