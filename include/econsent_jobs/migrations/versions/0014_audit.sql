-- What the watch keeps of Airflow, and the one function that seals the audit trail.
RESET ROLE;

SELECT econsent.ensure_role('econsent_watch', '5min');
SELECT econsent.ensure_role('econsent_cron_management', '5s');

SET LOCAL ROLE econsent_migrator;

CREATE INDEX ON econsent.audit_log (xid);

CREATE INDEX ON econsent.audit_log (category, "timestamp" DESC, audit_id DESC);

CREATE TABLE econsent.job_executions (  -- drawn from audit_log in the statement that writes there; can be drawn again at any time
    dag_id text NOT NULL,
    run_id text NOT NULL,
    clear_number integer NOT NULL CHECK (clear_number >= 0),
    run_kind text NOT NULL CHECK (run_kind IN ('scheduled', 'manual', 'asset', 'backfill')),
    triggered_by text NOT NULL,
    run_after timestamptz NOT NULL,
    queued_at timestamptz,
    started_at timestamptz,
    ended_at timestamptz,
    seconds double precision GENERATED ALWAYS AS (extract(EPOCH FROM ended_at - started_at)) STORED,
    outcome text NOT NULL CHECK (outcome IN ('succeeded', 'failed')),
    tries integer NOT NULL,
    tasks jsonb NOT NULL,
    counts jsonb,
    error_class text,
    error_sentence text,
    fingerprint text,
    audit_id bigint NOT NULL UNIQUE REFERENCES econsent.audit_log,
    PRIMARY KEY (dag_id, run_id, clear_number)
);

CREATE INDEX ON econsent.job_executions (dag_id, run_after DESC, run_id DESC, clear_number DESC);

CREATE INDEX ON econsent.job_executions (dag_id, outcome, run_after DESC, run_id DESC, clear_number DESC);

CREATE INDEX ON econsent.job_executions (fingerprint, run_after DESC) WHERE fingerprint IS NOT NULL;

CREATE TABLE econsent.job_pauses (
    pause_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    dag_id text NOT NULL,
    paused_by text NOT NULL,
    reason text,  -- NULL when it was paused elsewhere than on the page
    paused_at timestamptz NOT NULL DEFAULT now(),
    resume_at timestamptz,
    batch_id uuid,  -- of "pause all", so that its resume restores only these
    seen_at timestamptz,  -- when the watch saw Airflow agree
    resumed_by text,
    resumed_at timestamptz,
    CHECK (resume_at > paused_at), CHECK (resumed_at >= paused_at)
);

CREATE UNIQUE INDEX ON econsent.job_pauses (dag_id) WHERE resumed_at IS NULL;

CREATE INDEX ON econsent.job_pauses (dag_id, paused_at DESC);

CREATE FUNCTION econsent.withdraw_pause(withdrawn uuid) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  -- A pause that Airflow refused never was one; once the watch has seen it, it is history.
  DELETE FROM econsent.job_pauses WHERE pause_id = withdrawn AND seen_at IS NULL;
  RETURN FOUND;
END $$;

CREATE TABLE econsent.component_outages (
    component text NOT NULL,
    stopped_at timestamptz NOT NULL,  -- the last heartbeat
    noticed_at timestamptz NOT NULL DEFAULT now(),
    back_at timestamptz,
    PRIMARY KEY (component, stopped_at)
);

CREATE UNIQUE INDEX ON econsent.component_outages (component) WHERE back_at IS NULL;

CREATE TABLE econsent.dag_breaks (
    break_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    file text NOT NULL,  -- below the DAGs folder
    dag_ids text[] NOT NULL,
    broke_at timestamptz NOT NULL,
    mended_at timestamptz,
    sentence text NOT NULL,
    stack_trace text NOT NULL
);

CREATE UNIQUE INDEX ON econsent.dag_breaks (file) WHERE mended_at IS NULL;

CREATE TABLE econsent.incidents (
    incident_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    dag_id text NOT NULL,  -- or platform, for what concerns every job
    cause text NOT NULL CHECK (cause IN ('failing', 'not_started', 'stuck', 'broken')),
    sentence text NOT NULL,
    streak integer NOT NULL CHECK (streak > 0),
    opened_at timestamptz NOT NULL DEFAULT now(),
    recovered_at timestamptz
);

CREATE UNIQUE INDEX ON econsent.incidents (dag_id, cause) WHERE recovered_at IS NULL;

CREATE INDEX ON econsent.incidents (dag_id, opened_at DESC);

CREATE TABLE econsent.alert_outbox (  -- one row a message and channel, written with the incident that it tells of
    message_id text PRIMARY KEY,
    channel text NOT NULL CHECK (channel IN ('webhook', 'pagerduty', 'ping')),
    payload jsonb NOT NULL,  -- holds no address and no key: those are read when it is sent
    attempts smallint NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    sent_at timestamptz,
    given_up_at timestamptz,
    last_error text
);

CREATE INDEX ON econsent.alert_outbox (next_attempt_at) WHERE sent_at IS NULL AND given_up_at IS NULL;

CREATE TABLE econsent.watch_state (name text PRIMARY KEY, position jsonb NOT NULL, changed_at timestamptz NOT NULL DEFAULT now());

CREATE TABLE econsent.audit_segments (  -- the range is fixed before the first PUT, so a second try sends the same bytes
    day date PRIMARY KEY,
    first_seq bigint NOT NULL UNIQUE,
    last_seq bigint NOT NULL UNIQUE,
    last_hash char(64) NOT NULL,
    object_key text NOT NULL UNIQUE,
    sha256 char(64) NOT NULL,
    bytes bigint NOT NULL,
    retain_until timestamptz NOT NULL,
    version_id text,
    stored_at timestamptz,
    CHECK (first_seq <= last_seq)
);

-- Each field is told apart from its neighbours by its length in bytes; a missing one is a dash. Any language can write that.
CREATE FUNCTION econsent.audit_field(field text) RETURNS text LANGUAGE sql IMMUTABLE SET search_path = pg_catalog
RETURN coalesce(octet_length(field) || ':' || field, '-');

CREATE FUNCTION econsent.audit_text(entry econsent.audit_log) RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog
RETURN econsent.audit_field(entry.audit_id::text)
|| econsent.audit_field(entry.company_id)
|| econsent.audit_field(entry.action)
|| econsent.audit_field(entry.category)
|| econsent.audit_field(entry."user")
|| econsent.audit_field(host(entry.ip_address))
|| econsent.audit_field(to_char(entry."timestamp" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
|| econsent.audit_field(entry.details::text)
|| econsent.audit_field(entry.personal_sha256::text)
|| econsent.audit_field(entry.request_id)
|| econsent.audit_field(entry.dedupe_key);

CREATE FUNCTION econsent.seal_audit(everything boolean, most integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog SET plan_cache_mode = force_custom_plan AS $$
-- Identity order is not commit order. A row is sealed when no transaction that could still add an earlier one is running, so nothing can appear
-- behind the chain's end. What was sealed so far is everything below the last horizon; `everything` looks at all rows instead, for a database
-- that was restored into another cluster, whose transactions are counted anew.
DECLARE
  horizon xid8 := pg_snapshot_xmin(pg_current_snapshot());
  beyond xid8 := pg_snapshot_xmax(pg_current_snapshot());
  sealed_below xid8;
  entry econsent.audit_log;
  last_seq bigint;
  last_hash text;
  done integer := 0;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('econsent.audit_chain', 0));
  SELECT seq, entry_hash INTO last_seq, last_hash FROM econsent.audit_chain ORDER BY seq DESC LIMIT 1;
  last_seq := coalesce(last_seq, 0);
  last_hash := coalesce(last_hash, repeat('0', 64));
  SELECT (position ->> 'xid')::xid8 INTO sealed_below FROM econsent.watch_state WHERE name = 'sealed';
  FOR entry IN
    SELECT log.* FROM econsent.audit_log AS log
    WHERE (log.xid < horizon OR (everything AND log.xid >= beyond))
      AND (everything OR log.xid >= coalesce(sealed_below, '0'::xid8))
      AND NOT EXISTS (SELECT FROM econsent.audit_chain AS chain WHERE chain.audit_id = log.audit_id)
    ORDER BY log.xid, log.audit_id LIMIT most
  LOOP
    last_seq := last_seq + 1;
    INSERT INTO econsent.audit_chain (seq, audit_id, prev_hash, entry_hash)
    VALUES (last_seq, entry.audit_id, last_hash,
      encode(sha256(convert_to(econsent.audit_field(last_seq::text) || econsent.audit_field(last_hash) || econsent.audit_text(entry), 'UTF8')), 'hex'))
    RETURNING entry_hash INTO last_hash;
    done := done + 1;
  END LOOP;
  IF done < most THEN
    INSERT INTO econsent.watch_state (name, position) VALUES ('sealed', jsonb_build_object('xid', horizon::text))
    ON CONFLICT (name) DO UPDATE SET position = excluded.position, changed_at = now();
  END IF;
  RETURN done;
END $$;

REVOKE ALL ON FUNCTION econsent.withdraw_pause(uuid), econsent.audit_field(text), econsent.audit_text(econsent.audit_log),
econsent.seal_audit(boolean, integer) FROM public;

GRANT EXECUTE ON FUNCTION econsent.audit_field(text), econsent.audit_text(econsent.audit_log) TO econsent_verify;

-- The watch copies, keeps score and seals. The chain itself it can only read: sealing is the function's.
GRANT SELECT ON econsent.audit_log, econsent.audit_chain, econsent.job_executions, econsent.job_pauses, econsent.component_outages,
econsent.dag_breaks, econsent.incidents, econsent.alert_outbox, econsent.watch_state, econsent.audit_segments
TO econsent_watch;
GRANT INSERT (company_id, action, category, "user", ip_address, "timestamp", details, request_id, dedupe_key)
ON econsent.audit_log TO econsent_watch;
GRANT INSERT ON econsent.job_executions, econsent.job_pauses, econsent.component_outages, econsent.dag_breaks, econsent.incidents,
econsent.alert_outbox, econsent.watch_state, econsent.audit_segments, econsent.mail_outbox TO econsent_watch;
GRANT UPDATE (seen_at, resumed_by, resumed_at) ON econsent.job_pauses TO econsent_watch;
GRANT UPDATE (back_at) ON econsent.component_outages TO econsent_watch;
GRANT UPDATE (mended_at) ON econsent.dag_breaks TO econsent_watch;
GRANT UPDATE (sentence, streak, recovered_at) ON econsent.incidents TO econsent_watch;
GRANT UPDATE (attempts, next_attempt_at, sent_at, given_up_at, last_error) ON econsent.alert_outbox TO econsent_watch;
GRANT UPDATE (position, changed_at) ON econsent.watch_state TO econsent_watch;
GRANT UPDATE (version_id, stored_at) ON econsent.audit_segments TO econsent_watch;
GRANT SELECT (message_id) ON econsent.mail_outbox TO econsent_watch;
GRANT EXECUTE ON FUNCTION econsent.seal_audit(boolean, integer), econsent.withdraw_pause(uuid) TO econsent_watch;

-- The page writes down why a job is paused, and nothing else.
GRANT INSERT (pause_id, dag_id, paused_by, reason, paused_at, resume_at, batch_id) ON econsent.job_pauses TO econsent_cron_management;
GRANT SELECT ON econsent.job_pauses TO econsent_cron_management;
GRANT EXECUTE ON FUNCTION econsent.withdraw_pause(uuid) TO econsent_cron_management;

GRANT SELECT ON econsent.job_executions, econsent.job_pauses, econsent.component_outages, econsent.dag_breaks, econsent.incidents,
econsent.watch_state, econsent.audit_segments TO econsent_dashboard;

GRANT SELECT ON econsent.job_executions, econsent.job_pauses, econsent.component_outages, econsent.dag_breaks, econsent.incidents,
econsent.alert_outbox, econsent.watch_state, econsent.audit_segments TO econsent_verify;
