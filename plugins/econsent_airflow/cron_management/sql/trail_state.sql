-- What the trail knows of jobs at a moment, as one row of documents: the newest executions of each (Airflow may have forgotten them), pauses,
-- outages, broken files, the watcher's sign of life and the seal.
SELECT
    (
        SELECT json_agg(newest)
        FROM unnest(%(dag_ids)s::text []) AS job (dag_id)
        CROSS JOIN LATERAL (
            SELECT
                found.dag_id, found.run_id, found.clear_number, found.run_kind, found.run_after, found.queued_at, found.started_at,
                found.ended_at, found.outcome, found.counts, found.error_class, found.error_sentence
            FROM econsent.job_executions AS found
            WHERE found.dag_id = job.dag_id AND found.run_after <= %(now)s
            ORDER BY found.run_after DESC, found.run_id DESC, found.clear_number DESC
            LIMIT %(most)s
        ) AS newest
    ) AS executions,
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
