-- One incident a job and cause: where one is open already, nothing is returned and nobody is told again.
INSERT INTO econsent.incidents (dag_id, cause, sentence, streak) VALUES (%(dag_id)s, %(cause)s, %(sentence)s, %(streak)s)
ON CONFLICT (dag_id, cause) WHERE recovered_at IS NULL DO NOTHING
RETURNING incident_id, opened_at
