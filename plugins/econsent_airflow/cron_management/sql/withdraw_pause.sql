-- A pause that Airflow refused never was.
SELECT econsent.withdraw_pause(%(pause_id)s)
