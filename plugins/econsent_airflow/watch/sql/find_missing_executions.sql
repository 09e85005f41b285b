-- Which of these executions the history does not hold yet.
SELECT given.id
FROM jsonb_to_recordset(%(keys)s::jsonb) AS given (id integer, dag_id text, run_id text, clear_number integer)
WHERE
    given.clear_number >= 0
    AND NOT EXISTS (
        SELECT FROM econsent.job_executions AS known
        WHERE known.dag_id = given.dag_id AND known.run_id = given.run_id AND known.clear_number = given.clear_number
    )
ORDER BY given.id
