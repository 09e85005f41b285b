-- The bytes of an event are stored once and sent unchanged, so that its signature is the same on every try.
CREATE TABLE econsent.webhook_endpoints (
    endpoint_id text PRIMARY KEY,  -- wh-…
    company_id text NOT NULL REFERENCES econsent.companies,
    url text NOT NULL CHECK (url LIKE 'https://%'),
    http_method text NOT NULL DEFAULT 'POST' CHECK (http_method IN ('POST', 'PUT', 'PATCH', 'GET')),
    events text[] NOT NULL DEFAULT '{}' CHECK (events <@ ARRAY[
        'session.certificate.created',
        'meta.certificate.created', 'session.created', 'consent.granted', 'consent.revoked', 'high_risk.detected'
    ]),
    max_in_flight smallint NOT NULL DEFAULT 4, max_per_second real,
    status text NOT NULL DEFAULT 'enabled' CHECK (status IN ('enabled', 'disabled', 'disabled_auto', 'deleted')),
    disabled_at timestamptz,
    paused_until timestamptz,
    circuit text NOT NULL DEFAULT 'closed' CHECK (circuit IN ('closed', 'open', 'half_open')),
    circuit_until timestamptz,
    first_failure_at timestamptz, last_success_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE econsent.webhook_secrets (  -- two rows during a rotation
    endpoint_id text NOT NULL REFERENCES econsent.webhook_endpoints,
    secret_no smallint NOT NULL,
    ciphertext bytea NOT NULL, key_id text NOT NULL,  -- encrypted, not hashed: HMAC needs the clear secret
    documented_header boolean NOT NULL, ends_at timestamptz,
    PRIMARY KEY (endpoint_id, secret_no)
);

CREATE UNIQUE INDEX ON econsent.webhook_secrets (endpoint_id) WHERE documented_header;

CREATE TABLE econsent.webhook_events (
    event_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    company_id text NOT NULL,
    event_type text NOT NULL CHECK (event_type IN (
        'session.certificate.created', 'meta.certificate.created', 'session.created',
        'consent.granted', 'consent.revoked', 'high_risk.detected'
    )),
    subject_id text,  -- certificate or session id
    dedupe_key text NOT NULL UNIQUE,  -- e.g. session.certificate.created:{company}:{certificate_id}
    body bytea,  -- exact bytes; dropped 30 days after the last delivery
    occurred_at timestamptz NOT NULL DEFAULT now(),
    fanned_out_at timestamptz
);

CREATE INDEX ON econsent.webhook_events (occurred_at) WHERE fanned_out_at IS NULL;

CREATE TABLE econsent.webhook_deliveries (
    delivery_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    event_id uuid NOT NULL REFERENCES econsent.webhook_events,
    endpoint_id text NOT NULL REFERENCES econsent.webhook_endpoints,
    company_id text NOT NULL,
    status text NOT NULL DEFAULT 'pending'
    CHECK (status IN ('pending', 'delivering', 'retrying', 'delivered', 'exhausted', 'cancelled')),
    attempts smallint NOT NULL DEFAULT 0,
    max_attempts smallint NOT NULL DEFAULT 16, lost_leases smallint NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    lease_token uuid, leased_until timestamptz,
    last_status_code smallint, last_error_class text, last_error text,
    created_at timestamptz NOT NULL DEFAULT now(), delivered_at timestamptz,
    UNIQUE (event_id, endpoint_id)
);

CREATE INDEX ON econsent.webhook_deliveries (endpoint_id, next_attempt_at) WHERE status IN ('pending', 'retrying', 'delivering');

CREATE TABLE econsent.webhook_attempts (
    delivery_id uuid NOT NULL REFERENCES econsent.webhook_deliveries ON DELETE CASCADE,
    attempt_no smallint NOT NULL,
    started_at timestamptz NOT NULL, duration_ms integer NOT NULL,
    resolved_ip inet, status_code smallint, response_excerpt text,
    outcome text NOT NULL CHECK (outcome IN ('success', 'http_error', 'timeout', 'dns', 'tls', 'connect', 'blocked', 'redirect')),
    error text, run_id text,
    PRIMARY KEY (delivery_id, attempt_no)
);
