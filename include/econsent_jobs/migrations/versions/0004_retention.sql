-- Every retention and every stored object is a row: what is billed, held, moved, deleted and proved is counted from rows.
CREATE TABLE econsent.retention_settings (
    company_id text PRIMARY KEY REFERENCES econsent.companies,
    changed_at timestamptz NOT NULL DEFAULT now(),
    auto_retention_enabled boolean NOT NULL DEFAULT FALSE,
    auto_retention_mode text NOT NULL DEFAULT 'certificates' CHECK (auto_retention_mode IN ('all', 'certificates')),
    notify_on_overage boolean NOT NULL DEFAULT FALSE,
    overage_notification_emails text[] NOT NULL DEFAULT '{}',
    monthly_quota integer NOT NULL CHECK (monthly_quota >= 0),  -- 1000 / 10000 / 50000 / custom
    object_lock_years smallint NOT NULL DEFAULT 7 CHECK (object_lock_years BETWEEN 1 AND 7),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE econsent.retention_usage (
    company_id text NOT NULL REFERENCES econsent.companies,
    period date NOT NULL CHECK (extract(DAY FROM period) = 1),
    overage_billed integer NOT NULL DEFAULT 0,  -- advanced by wallet reconciliation, for every period not fully billed yet
    notified_at timestamptz,
    PRIMARY KEY (company_id, period)
);

-- one quota-bearing retention (auto, manual; not API); count them, never increment a counter
CREATE TABLE econsent.retention_usage_items (
    company_id text NOT NULL REFERENCES econsent.companies,
    session_id text NOT NULL,
    period date NOT NULL, retained_at timestamptz NOT NULL,
    PRIMARY KEY (company_id, session_id)
);

CREATE INDEX ON econsent.retention_usage_items (company_id, period, retained_at);

CREATE TABLE econsent.storage_objects (
    storage_object_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    company_id text NOT NULL,
    session_id text,
    certificate_pk bigint,
    kind text NOT NULL CHECK (kind IN ('certificate', 'attestation', 'dom', 'recording', 'video', 'poster', 'sidecar')),
    backend text NOT NULL CHECK (backend IN ('efs', 's3')),
    tier smallint NOT NULL CHECK (tier IN (1, 2, 3)),
    bucket text, object_key text NOT NULL, version_id text,
    bytes bigint NOT NULL, sha256 char(64) NOT NULL, content_type text,
    storage_class text,
    lock_mode text CHECK (lock_mode = 'COMPLIANCE'),
    retain_until timestamptz,
    state text NOT NULL DEFAULT 'stored' CHECK (state IN ('stored', 'expired', 'deleted')),
    created_at timestamptz NOT NULL DEFAULT now(),
    last_accessed_at timestamptz, tiered_at timestamptz, expired_at timestamptz, deleted_at timestamptz,
    CHECK (backend = 'efs' OR (bucket IS NOT NULL AND version_id IS NOT NULL)),
    CHECK (tier = 1 OR (lock_mode IS NOT NULL AND retain_until IS NOT NULL))
);

CREATE UNIQUE INDEX ON econsent.storage_objects (backend, coalesce(bucket, ''), object_key) WHERE state <> 'deleted';

CREATE INDEX ON econsent.storage_objects (retain_until) WHERE state = 'expired';

CREATE TABLE econsent.legal_holds (
    hold_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    company_id text NOT NULL REFERENCES econsent.companies,
    scope text NOT NULL CHECK (scope IN ('company', 'property', 'session', 'certificate', 'consumer')),
    scope_value text NOT NULL,
    reason text NOT NULL, placed_by text NOT NULL,
    placed_at timestamptz NOT NULL DEFAULT now(), released_at timestamptz, released_by text, release_confirmed_by text,
    CHECK (released_at IS NULL OR (num_nulls(released_by, release_confirmed_by) = 0 AND release_confirmed_by <> released_by))
);

CREATE TABLE econsent.tombstones (
    log_no bigint PRIMARY KEY,  -- 0, 1, 2 … the leaf's place in the Merkle log
    company_id text NOT NULL, object_key text NOT NULL, version_id text,
    bytes bigint NOT NULL, sha256 char(64) NOT NULL,
    rule text NOT NULL, run_id text NOT NULL, deleted_at timestamptz NOT NULL, leaf_sha256 char(64) NOT NULL,
    UNIQUE NULLS NOT DISTINCT (object_key, version_id, deleted_at)
);

CREATE TRIGGER tombstones_append_only BEFORE UPDATE OR DELETE ON econsent.tombstones
FOR EACH ROW EXECUTE FUNCTION econsent.forbid_change();

CREATE TRIGGER tombstones_no_truncate BEFORE TRUNCATE ON econsent.tombstones
FOR EACH STATEMENT EXECUTE FUNCTION econsent.forbid_change();

CREATE TABLE econsent.suppressions (  -- an opt-out that outlives the erasure
    company_id text NOT NULL REFERENCES econsent.companies,
    kind text NOT NULL CHECK (kind IN ('phone', 'email')), hmac_sha256 char(64) NOT NULL, key_id text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (company_id, kind, hmac_sha256)
);

CREATE TABLE econsent.deletion_requests (
    request_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    company_id text REFERENCES econsent.companies,  -- NULL: consumer request over all companies
    kind text NOT NULL CHECK (kind IN ('consumer', 'account', 'meta')),
    email text, phone text,
    received_at timestamptz NOT NULL DEFAULT now(),
    due_at timestamptz NOT NULL DEFAULT now() + interval '30 days',
    status text NOT NULL DEFAULT 'received' CHECK (status IN ('received', 'processing', 'completed', 'deferred', 'rejected')),
    deferred_until timestamptz, completed_at timestamptz, confirmation_sent_at timestamptz,
    result jsonb NOT NULL DEFAULT '{}'
);

CREATE TABLE econsent.claim_tokens (
    token_sha256 char(64) PRIMARY KEY,  -- of clm_…; the token itself is not kept
    company_id text NOT NULL, certificate_pk bigint NOT NULL,
    status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'claimed', 'expired', 'cancelled')),
    claimed_by_company_id text,
    review_reason text CHECK (review_reason IN ('keep_held', 'quarantine')),  -- due, but not for the job to end
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL DEFAULT now() + interval '90 days', claimed_at timestamptz,
    FOREIGN KEY (company_id, certificate_pk) REFERENCES econsent.certificates
);
