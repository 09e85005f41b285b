-- Pauses, outages, broken files, the watcher's sign of life and the seal, as they matter at a moment: one row of documents.
SELECT
    (
        SELECT json_agg(pause)
        FROM (
            SELECT
                job_pauses.pause_id, job_pauses.dag_id, job_pauses.paused_by, job_pauses.reason, job_pauses.paused_at, job_pauses.resume_at,
                job_pauses.batch_id, job_pauses.resumed_at
            FROM econsent.job_pauses
            WHERE
                job_pauses.dag_id = any(%(dag_ids)s)
                AND job_pauses.paused_at <= %(now)s
                AND coalesce(job_pauses.resumed_at, %(now)s) > %(now)s - interval '60 days'
            ORDER BY job_pauses.paused_at DESC
            LIMIT 500
        ) AS pause
    ) AS pauses,
    (
        SELECT json_agg(outage)
        FROM (
            SELECT component_outages.component, component_outages.stopped_at, component_outages.back_at
            FROM econsent.component_outages
            WHERE component_outages.stopped_at <= %(now)s AND coalesce(component_outages.back_at, %(now)s) > %(now)s - interval '60 days'
            ORDER BY component_outages.stopped_at DESC
            LIMIT 500
        ) AS outage
    ) AS outages,
    (
        SELECT json_agg(broken)
        FROM (
            SELECT dag_breaks.dag_ids, dag_breaks.broke_at, dag_breaks.mended_at, dag_breaks.sentence
            FROM econsent.dag_breaks
            WHERE dag_breaks.broke_at <= %(now)s AND coalesce(dag_breaks.mended_at, %(now)s) > %(now)s - interval '60 days'
            ORDER BY dag_breaks.broke_at DESC
            LIMIT 500
        ) AS broken
    ) AS breaks,
    (SELECT watch_state.changed_at FROM econsent.watch_state WHERE watch_state.name = 'alive') AS watch_at,
    (
        SELECT json_build_object('entry', chain.audit_id, 'at', log.timestamp)
        FROM econsent.audit_chain AS chain
        INNER JOIN econsent.audit_log AS log ON chain.audit_id = log.audit_id
        ORDER BY chain.seq DESC
        LIMIT 1
    ) AS seal
