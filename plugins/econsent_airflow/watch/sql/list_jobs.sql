-- Every DAG with the tag, also one whose file no longer imports: its row stays behind.
SELECT
    dag.dag_id,
    dag.is_paused,
    dag.relative_fileloc AS file,
    dag.asset_expression IS NOT NULL AND dag.asset_expression::text <> 'null' AS sweep,
    (SELECT array_agg(tag.name) FROM dag_tag AS tag WHERE tag.dag_id = dag.dag_id) AS tags,
    (
        SELECT serialized.data::jsonb -> 'dag' -> 'timetable' FROM serialized_dag AS serialized
        WHERE serialized.dag_id = dag.dag_id ORDER BY serialized.created_at DESC LIMIT 1
    ) AS timetable,
    coalesce((SELECT min(version.created_at) FROM dag_version AS version WHERE version.dag_id = dag.dag_id), now()) AS known_since
FROM dag
WHERE EXISTS (SELECT FROM dag_tag AS wanted WHERE wanted.dag_id = dag.dag_id AND wanted.name = %(tag)s)
ORDER BY dag.dag_id
