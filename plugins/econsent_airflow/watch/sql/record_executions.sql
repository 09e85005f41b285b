-- One entry of the audit trail for each execution, and its row of the history, in one statement: neither is ever there without the other.
WITH given AS (
    SELECT
        entry.at,
        entry.by,
        entry.details,
        'dag_run:' || (entry.details ->> 'dag_id') || ':' || (entry.details ->> 'run_id') || ':' || (entry.details ->> 'clear_number')
        || ':ended' AS dedupe_key
    FROM jsonb_to_recordset(%(entries)s::jsonb) AS entry (at timestamptz, by text, details jsonb)
),

added AS (
    INSERT INTO econsent.audit_log (action, category, "user", "timestamp", details, dedupe_key)
    SELECT 'job.' || (details ->> 'outcome'), 'jobs', by, at, details, dedupe_key FROM given
    ON CONFLICT (dedupe_key) DO NOTHING
    RETURNING audit_id, details
)

INSERT INTO econsent.job_executions (
    dag_id, run_id, clear_number, run_kind, triggered_by, run_after, queued_at, started_at, ended_at, outcome, tries, tasks, counts,
    error_class, error_sentence, fingerprint, audit_id
)
SELECT
    drawn.dag_id,
    drawn.run_id,
    drawn.clear_number,
    drawn.run_kind,
    drawn.triggered_by,
    drawn.run_after,
    drawn.queued_at,
    drawn.started_at,
    drawn.ended_at,
    drawn.outcome,
    drawn.tries,
    drawn.tasks,
    drawn.counts,
    drawn.error_class,
    drawn.error_sentence,
    drawn.fingerprint,
    added.audit_id
FROM added
CROSS JOIN LATERAL jsonb_to_record(added.details) AS drawn (
    dag_id text, run_id text, clear_number integer, run_kind text, triggered_by text, run_after timestamptz, queued_at timestamptz,
    started_at timestamptz, ended_at timestamptz, outcome text, tries integer, tasks jsonb, counts jsonb, error_class text,
    error_sentence text, fingerprint text
)
RETURNING dag_id, run_id, clear_number, outcome, ended_at, error_class, error_sentence
