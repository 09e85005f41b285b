-- A pause that was announced a minute ago and that Airflow never made.
SELECT econsent.withdraw_pause(pause_id) AS withdrawn
FROM econsent.job_pauses
WHERE resumed_at IS NULL AND seen_at IS NULL AND dag_id = %(dag_id)s AND paused_at < now() - interval '1 minute'
