-- Claims read the small queue and never the partitioned table; the exact bytes to be stored are kept until they are stored.
CREATE TABLE econsent.certificates (
    company_id text NOT NULL,
    certificate_pk bigint GENERATED ALWAYS AS IDENTITY,
    session_id text,  -- NULL for meta/voice/sms sources
    source_ref text,  -- the lead's or call's id where there is no session
    property_id text NOT NULL,
    submission_no smallint NOT NULL DEFAULT 1,  -- several submits in one session
    source text NOT NULL DEFAULT 'session' CHECK (source IN ('session', 'meta', 'sms', 'voice')),
    status text NOT NULL DEFAULT 'pending'
    CHECK (status IN ('pending', 'processing', 'finalized', 'failed', 'expired', 'deleted')),
    -- raw capture
    consent_at timestamptz NOT NULL,
    capture jsonb NOT NULL,  -- what the tracker sent: consents, disclosure, viewport, form, partners, htmlLang, submittedAt
    dom_staging_path text,  -- EFS path of the captured HTML
    -- consumer
    consumer_phone text, consumer_email text, consumer_name text,
    ip inet, user_agent text, browser_language text, geo jsonb, origin text, domain text,
    -- computed
    certificate_id text,
    entropy char(32),
    consent_records jsonb,  -- [{id,type,value,category,explicit}]
    fingerprint text,
    payload_string text,
    consent_hash char(64),
    recording_path text,
    recording_hashes jsonb NOT NULL DEFAULT '[]',  -- ["<sha256>"]
    signature char(64),
    signature_key_id text,
    issued_at timestamptz,
    finalized_at timestamptz,
    -- opt-out, documented shape opt_out.revoke
    opt_out jsonb NOT NULL DEFAULT '{"revoke": false}',
    -- retention
    expires_at timestamptz,  -- consent_at + certificate_expiration
    retain_until timestamptz,  -- Object Lock date, fixed when sealed
    pii_erased_at timestamptz,
    error_class text,
    last_error text,
    row_version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (company_id, certificate_pk),
    UNIQUE (company_id, certificate_id),
    UNIQUE (company_id, session_id, submission_no),
    UNIQUE (company_id, source, source_ref),
    CHECK ((source = 'session') = (source_ref IS NULL)),
    FOREIGN KEY (company_id, property_id) REFERENCES econsent.properties,
    CHECK ((source = 'session') = (session_id IS NOT NULL)),
    CHECK (status NOT IN ('finalized', 'expired') OR (certificate_id IS NOT NULL AND signature IS NOT NULL))
) PARTITION BY LIST (company_id);

CREATE TABLE econsent.certificates_default PARTITION OF econsent.certificates DEFAULT;

CREATE TABLE econsent.certificate_queue (  -- filled by the trigger below; a row leaves when its certificate is done or failed
    company_id text NOT NULL, certificate_pk bigint NOT NULL,
    attempts smallint NOT NULL DEFAULT 0, lost_leases smallint NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    lease_token uuid, leased_until timestamptz,
    queued_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (company_id, certificate_pk)
) WITH (fillfactor = 70);  -- room for a lease beside its row: no index holds a lease column, so taking one writes to no index

CREATE INDEX ON econsent.certificate_queue (next_attempt_at);

CREATE TABLE econsent.sealed_documents (  -- exact bytes until they are stored; deleted when finalised or failed
    company_id text NOT NULL, certificate_pk bigint NOT NULL,
    kind text NOT NULL CHECK (kind IN ('certificate', 'attestation', 'dom')),
    object_key text NOT NULL, bytes bytea NOT NULL, sha256 char(64) NOT NULL, content_type text NOT NULL,
    PRIMARY KEY (company_id, certificate_pk, kind)
);

CREATE FUNCTION econsent.certificates_enqueue() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  INSERT INTO econsent.certificate_queue (company_id, certificate_pk) VALUES (NEW.company_id, NEW.certificate_pk);
  RETURN NULL;
END $$;

CREATE TRIGGER certificates_enqueue AFTER INSERT ON econsent.certificates
FOR EACH ROW WHEN (new.status = 'pending') EXECUTE FUNCTION econsent.certificates_enqueue();

CREATE TABLE econsent.sealed_files (
    company_id text NOT NULL, session_id text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('recording', 'video', 'poster', 'sidecar')),
    object_key text NOT NULL, staging_path text NOT NULL,
    bytes bigint NOT NULL, sha256 char(64) NOT NULL, content_type text NOT NULL, retain_until timestamptz NOT NULL,
    PRIMARY KEY (company_id, object_key)
);

CREATE INDEX ON econsent.certificates (company_id, expires_at) WHERE status = 'finalized';

CREATE INDEX ON econsent.certificates (company_id, consumer_phone);

CREATE INDEX ON econsent.certificates (company_id, consumer_email);

CREATE TABLE econsent.attestations (
    company_id text NOT NULL,
    certificate_pk bigint NOT NULL,
    schema_version smallint NOT NULL DEFAULT 1,
    disclosure_sha256 char(64) NOT NULL,
    page_content_sha256 char(64),  -- null: the source has no page
    form_data_sha256 char(64),  -- erased with the person's data: with only a phone in it, it can be guessed
    partner_disclosures jsonb NOT NULL DEFAULT '[]',  -- [{name, sha256}]
    visibility jsonb,
    accessibility jsonb,
    wcag_level text CHECK (wcag_level IN ('AAA', 'AA', 'Fail')),
    contrast_ratio numeric(5, 2),
    font_size_px numeric(6, 2),
    font_assessment text CHECK (font_assessment IN ('adequate', 'warning', 'fail')),
    language_detected text, html_lang text, language_confidence numeric(4, 3),
    language_mismatch boolean NOT NULL DEFAULT FALSE,
    interaction_chain jsonb NOT NULL DEFAULT '[]',
    chain_head char(64),
    chain_length integer NOT NULL DEFAULT 0,
    dom_snapshot_sha256 char(64),
    template_id text, template_version text,
    document jsonb NOT NULL,  -- whole attestation as hashed
    attestation_sha256 char(64) NOT NULL,
    computed_at timestamptz NOT NULL DEFAULT now(),
    -- Each company's partition refers to that company's certificates (create_company): a key between the parents would have to be
    -- checked against every partition whenever one is added.
    PRIMARY KEY (company_id, certificate_pk)
) PARTITION BY LIST (company_id);

CREATE TABLE econsent.attestations_default PARTITION OF econsent.attestations DEFAULT;
