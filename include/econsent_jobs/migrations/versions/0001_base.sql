-- A tenant's rows lie in partitions of its own; what everybody reads is small and unpartitioned; the audit trail only grows.
CREATE TABLE econsent.companies (
    company_id text PRIMARY KEY,
    name text NOT NULL,
    plan text NOT NULL CHECK (plan IN ('starter', 'growth', 'enterprise', 'high_volume')),
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended', 'closing', 'closed')),
    third_party_verification_enabled boolean NOT NULL DEFAULT FALSE,
    authorized_third_parties text[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    closing_at timestamptz,
    closed_at timestamptz
);

CREATE TABLE econsent.memberships (
    company_id text NOT NULL REFERENCES econsent.companies,
    email text NOT NULL CHECK (email = lower(email)),
    role text NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (company_id, email)
);

CREATE TABLE econsent.properties (
    company_id text NOT NULL REFERENCES econsent.companies,
    property_id text NOT NULL,
    name text NOT NULL,
    origin text NOT NULL,
    uid text NOT NULL UNIQUE,
    masked_fields text[] NOT NULL DEFAULT '{}',
    consent_selectors jsonb NOT NULL DEFAULT '{}',
    -- calendar intervals: 1,826 days is one day short of five years for a quarter of all dates
    session_expiration interval NOT NULL DEFAULT '90 days'
    CHECK (session_expiration >= '1 day' AND timestamp '2021-03-01' + session_expiration <= timestamp '2026-03-01'),
    certificate_expiration interval NOT NULL DEFAULT '5 years'
    CHECK (certificate_expiration >= '1 day' AND timestamp '2021-03-01' + certificate_expiration <= timestamp '2026-03-01'),
    expiration_changed_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (company_id, property_id)
);

CREATE TABLE econsent.consent_templates (
    company_id text NOT NULL REFERENCES econsent.companies,
    template_id text NOT NULL,
    version text NOT NULL,
    name text NOT NULL,
    body text NOT NULL,
    body_sha256 char(64) NOT NULL,
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'archived')),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (company_id, template_id, version)
);

CREATE INDEX ON econsent.consent_templates (company_id, body_sha256);

CREATE TABLE econsent.sessions (
    company_id text NOT NULL,
    session_id text NOT NULL,
    property_id text NOT NULL,
    started_at timestamptz NOT NULL,
    last_chunk_at timestamptz,
    closed_at timestamptz,  -- recording complete, no more chunks
    page_url text, origin text, ip inet, user_agent text, browser_language text, geo jsonb,
    recording_path text,  -- {EFS_BASE}/{companyId}/{propertyId}/{sessionId}.json
    recording_bytes bigint,
    recording_events integer,
    recording_sha256 char(64),  -- of the file bytes at close
    retention_status text NOT NULL DEFAULT 'unretained'
    CHECK (retention_status IN ('unretained', 'retained', 'expired', 'deleted')),
    retention_source text CHECK (retention_source IN ('auto', 'manual', 'api')),
    retained_at timestamptz,
    expires_at timestamptz NOT NULL,  -- unretained: started_at + session_expiration
    rrweb_to_video_status text NOT NULL DEFAULT 'none'
    CHECK (rrweb_to_video_status IN ('none', 'pending', 'processing', 'completed', 'failed')),
    last_accessed_at timestamptz,
    row_version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (company_id, session_id),
    FOREIGN KEY (company_id, property_id) REFERENCES econsent.properties
) PARTITION BY LIST (company_id);

CREATE TABLE econsent.sessions_default PARTITION OF econsent.sessions DEFAULT;

CREATE INDEX ON econsent.sessions (expires_at) WHERE retention_status = 'unretained';

CREATE INDEX ON econsent.sessions (company_id, retained_at);

CREATE TABLE econsent.audit_log (
    audit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    company_id text,  -- NULL = platform-wide
    action text NOT NULL CHECK (action ~ '^[a-z_]+(\.[a-z_]+)+$'),
    category text NOT NULL CHECK (category IN (
        'certificates', 'consent', 'webhooks', 'authentication',
        'configuration', 'billing', 'organization', 'jobs'
    )),  -- 'jobs' stands beside the seven documented categories
    "user" text NOT NULL,  -- e-mail, or 'system:scheduler'
    ip_address inet,
    "timestamp" timestamptz NOT NULL DEFAULT now(),
    details jsonb NOT NULL DEFAULT '{}',  -- no personal data: it enters by reference and salted hash
    personal_sha256 char(64),
    request_id text,
    dedupe_key text UNIQUE,  -- e.g. dag_run:{dag_id}:{run_id}:{clear_number}:ended
    xid xid8 NOT NULL DEFAULT pg_current_xact_id()
);

CREATE INDEX ON econsent.audit_log (company_id, category, "timestamp" DESC);

CREATE TABLE econsent.audit_personal (  -- erasable; the chain keeps only the salted hash
    audit_id bigint PRIMARY KEY REFERENCES econsent.audit_log, salt bytea NOT NULL, details jsonb
);

CREATE TABLE econsent.mail_outbox (
    message_id text PRIMARY KEY,  -- constant over tries
    company_id text, recipients text[] NOT NULL, subject text NOT NULL, body text NOT NULL,
    attempts smallint NOT NULL DEFAULT 0, next_attempt_at timestamptz NOT NULL DEFAULT now(),
    lease_token uuid, leased_until timestamptz, last_error text,
    created_at timestamptz NOT NULL DEFAULT now(), sent_at timestamptz
);

CREATE INDEX ON econsent.mail_outbox (next_attempt_at) WHERE sent_at IS NULL;

CREATE TABLE econsent.audit_chain (  -- written by ONE sequencer, never inside a job's own transaction
    seq bigint PRIMARY KEY,
    audit_id bigint NOT NULL UNIQUE REFERENCES econsent.audit_log,
    prev_hash char(64) NOT NULL,
    entry_hash char(64) NOT NULL  -- sha256 over prev_hash and a fixed text form that SQL can rebuild
);

CREATE FUNCTION econsent.forbid_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: add a further row instead of changing one.', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE ON econsent.audit_log
FOR EACH ROW EXECUTE FUNCTION econsent.forbid_change();

CREATE TRIGGER audit_log_no_truncate BEFORE TRUNCATE ON econsent.audit_log
FOR EACH STATEMENT EXECUTE FUNCTION econsent.forbid_change();

CREATE TRIGGER audit_chain_append_only BEFORE UPDATE OR DELETE ON econsent.audit_chain
FOR EACH ROW EXECUTE FUNCTION econsent.forbid_change();

CREATE TRIGGER audit_chain_no_truncate BEFORE TRUNCATE ON econsent.audit_chain
FOR EACH STATEMENT EXECUTE FUNCTION econsent.forbid_change();
