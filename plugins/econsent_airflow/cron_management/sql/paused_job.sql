-- The title of a job that is paused; no row for one that is not, and for a DAG that is no job.
SELECT coalesce(dag.dag_display_name, dag.dag_id) AS title
FROM dag
INNER JOIN dag_tag ON dag.dag_id = dag_tag.dag_id
WHERE dag.dag_id = %(dag_id)s AND dag_tag.name = %(tag)s AND dag.is_paused
LIMIT 1
