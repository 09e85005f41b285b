-- Airflow agrees that the job is paused, so the pause is history now and cannot be withdrawn.
UPDATE econsent.job_pauses SET seen_at = now() WHERE dag_id = %(dag_id)s AND resumed_at IS NULL AND seen_at IS NULL
