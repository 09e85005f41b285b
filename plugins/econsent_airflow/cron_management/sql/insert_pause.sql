-- One open row a job: a second request of the same pause finds the first.
INSERT INTO econsent.job_pauses (pause_id, dag_id, paused_by, reason, resume_at, batch_id)
VALUES (gen_random_uuid(), %(dag_id)s, %(by)s, %(reason)s, %(resume_at)s, %(batch_id)s)
ON CONFLICT DO NOTHING
RETURNING pause_id
