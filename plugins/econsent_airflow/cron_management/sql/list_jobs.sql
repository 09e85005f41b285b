-- The jobs are the DAGs with one tag, for the page and for the watch; a DAG whose file broke stays here as stale, and keeps its tags.
SELECT
    dag.dag_id,
    coalesce(dag.dag_display_name, dag.dag_id) AS title,
    coalesce(dag.description, '') AS purpose,
    dag.is_paused,
    dag.is_stale,
    dag.timetable_description,
    dag.asset_expression IS NOT NULL AND dag.asset_expression::text <> 'null' AS waits_for_assets,
    dag.next_dagrun_create_after AS next_run_at,
    dag.relative_fileloc AS file,
    dag.last_parsed_time AS parsed_at,
    (SELECT array_agg(tags.name ORDER BY tags.name) FROM dag_tag AS tags WHERE tags.dag_id = dag.dag_id) AS tags,
    (SELECT min(versions.created_at) FROM dag_version AS versions WHERE versions.dag_id = dag.dag_id) AS known_since,
    (
        SELECT serialized.data #> '{dag,timetable}'
        FROM serialized_dag AS serialized
        WHERE serialized.dag_id = dag.dag_id
        ORDER BY serialized.last_updated DESC
        LIMIT 1
    ) AS timetable
FROM dag
INNER JOIN dag_tag ON dag.dag_id = dag_tag.dag_id
WHERE dag_tag.name = %(tag)s
ORDER BY dag.dag_id
LIMIT 200
