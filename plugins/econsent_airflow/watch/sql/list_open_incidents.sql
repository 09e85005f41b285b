-- What has been alerted and has not recovered.
SELECT incident_id, dag_id, cause, sentence, streak, opened_at FROM econsent.incidents WHERE recovered_at IS NULL
