-- What a clean-up up to this moment would remove.
SELECT run.id, run.dag_id, run.run_id, run.clear_number, run.state
FROM dag_run AS run
WHERE run.start_date < %(before)s AND run.id > %(after_id)s
ORDER BY run.id
LIMIT %(most)s
