-- The job runs again, so its pause is over; where it was ended elsewhere, only one that Airflow has surely ended.
SELECT econsent.end_pause(%(dag_id)s, %(by)s, %(stale_only)s) AS ended
