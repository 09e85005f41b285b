-- The ledger is the truth and only grows; a wallet's balance is a cache of its sum.
CREATE TABLE econsent.wallets (
    company_id text PRIMARY KEY REFERENCES econsent.companies,
    currency char(3) NOT NULL DEFAULT 'USD' CHECK (currency = 'USD'),
    balance numeric(14, 4) NOT NULL DEFAULT 0,
    low_balance_threshold numeric(14, 4) NOT NULL DEFAULT 10,
    low_balance_notified_at timestamptz,
    auto_recharge_enabled boolean NOT NULL DEFAULT FALSE,
    auto_recharge_threshold numeric(14, 4), auto_recharge_amount numeric(14, 4),
    auto_recharge_failures smallint NOT NULL DEFAULT 0,
    last_entry_no bigint NOT NULL DEFAULT 0, last_entry_hash char(64),
    checkpoint_entry_no bigint NOT NULL DEFAULT 0, checkpoint_balance numeric(14, 4) NOT NULL DEFAULT 0,
    last_reconciled_at timestamptz, updated_at timestamptz NOT NULL DEFAULT now(),
    CHECK (NOT auto_recharge_enabled OR (auto_recharge_threshold IS NOT NULL AND auto_recharge_amount > 0))
);

CREATE TABLE econsent.price_book (
    sku text NOT NULL, unit_price numeric(10, 4) NOT NULL CHECK (unit_price >= 0),
    tier_from integer NOT NULL DEFAULT 0, effective_from timestamptz NOT NULL DEFAULT '2026-01-01Z', effective_to timestamptz,
    PRIMARY KEY (sku, tier_from, effective_from)
);

INSERT INTO econsent.price_book (sku, unit_price, tier_from) VALUES
('verification', 0.0150, 0), ('session_retention', 0.1000, 0), ('otp', 0.1000, 0), ('phone_validation', 0.0500, 0),
('email_validation', 0.0500, 0), ('fraud_check', 0.0500, 0), ('debt_lookup', 0.3500, 0),
('retention_overage', 0.1200, 0), ('retention_overage', 0.1000, 10000), ('retention_overage', 0.0800, 25000),
('retention_overage', 0.0640, 50000);

CREATE TABLE econsent.usage_events (
    usage_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    company_id text NOT NULL REFERENCES econsent.companies,
    sku text NOT NULL, quantity integer NOT NULL DEFAULT 1 CHECK (quantity > 0),
    request_id text NOT NULL, session_id text, certificate_id text,
    quoted_amount numeric(14, 4),  -- cost_charged as told to the caller
    occurred_at timestamptz NOT NULL,
    status text NOT NULL DEFAULT 'unposted' CHECK (status IN ('unposted', 'posted', 'voided', 'reversed', 'quarantined')),
    error_class text, last_error text,
    ledger_id bigint,
    UNIQUE (company_id, sku, request_id, occurred_at),
    CHECK (sku <> 'session_retention' OR session_id IS NOT NULL)
);

CREATE UNIQUE INDEX ON econsent.usage_events (company_id, session_id) WHERE sku = 'session_retention' AND status IN ('unposted', 'posted');

CREATE INDEX ON econsent.usage_events (company_id, occurred_at) WHERE status = 'unposted';

CREATE TABLE econsent.payments (
    payment_id text PRIMARY KEY, company_id text NOT NULL REFERENCES econsent.companies,
    kind text NOT NULL CHECK (kind IN ('recharge', 'auto_recharge')),
    idempotency_key text NOT NULL UNIQUE,
    amount numeric(14, 4) NOT NULL CHECK (amount > 0 AND amount = round(amount, 2)),  -- providers take whole cents
    refunded_amount numeric(14, 4) NOT NULL DEFAULT 0 CHECK (refunded_amount BETWEEN 0 AND amount),
    status text NOT NULL CHECK (status IN ('pending', 'succeeded', 'failed', 'refunded', 'disputed')),
    provider_ref text, created_at timestamptz NOT NULL DEFAULT now(), settled_at timestamptz
);

CREATE UNIQUE INDEX ON econsent.payments (company_id) WHERE kind = 'auto_recharge' AND status = 'pending';

CREATE TABLE econsent.payment_refunds (
    refund_ref text PRIMARY KEY, payment_id text NOT NULL REFERENCES econsent.payments,
    kind text NOT NULL CHECK (kind IN ('refund', 'dispute')),
    amount numeric(14, 4) NOT NULL CHECK (amount > 0),
    created_at timestamptz NOT NULL
);

CREATE TABLE econsent.wallet_ledger (
    ledger_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    company_id text NOT NULL REFERENCES econsent.wallets,
    entry_no bigint NOT NULL,  -- 1, 2, 3 … per company, assigned under the wallet's lock
    entry_type text NOT NULL CHECK (entry_type IN (
        'recharge', 'auto_recharge', 'usage_charge', 'retention_charge',
        'overage_charge', 'refund', 'dispute', 'reversal', 'adjustment'
    )),
    amount numeric(14, 4) NOT NULL CHECK (amount <> 0),
    balance_after numeric(14, 4) NOT NULL,
    sku text, quantity integer, unit_price numeric(10, 4),
    usage_id bigint REFERENCES econsent.usage_events, payment_id text REFERENCES econsent.payments,
    reverses_ledger_id bigint REFERENCES econsent.wallet_ledger,
    idempotency_key text NOT NULL UNIQUE, request_sha256 char(64) NOT NULL,
    period date NOT NULL,  -- accounting month; a late charge for a closed month lands in the open one
    prev_hash char(64) NOT NULL, entry_hash char(64) NOT NULL,
    memo text, created_by text NOT NULL DEFAULT 'system:scheduler', run_id text,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (company_id, entry_no),
    CHECK (
        (entry_type IN ('recharge', 'auto_recharge') AND amount > 0)
        OR (entry_type IN ('usage_charge', 'retention_charge', 'overage_charge', 'refund', 'dispute') AND amount < 0)
        OR entry_type IN ('reversal', 'adjustment')
    )
);

CREATE TRIGGER wallet_ledger_append_only BEFORE UPDATE OR DELETE ON econsent.wallet_ledger
FOR EACH ROW EXECUTE FUNCTION econsent.forbid_change();

CREATE TRIGGER wallet_ledger_no_truncate BEFORE TRUNCATE ON econsent.wallet_ledger
FOR EACH STATEMENT EXECUTE FUNCTION econsent.forbid_change();

CREATE TABLE econsent.wallet_periods (
    company_id text NOT NULL REFERENCES econsent.wallets, period date NOT NULL,
    closed_at timestamptz NOT NULL, closed_by text NOT NULL,
    opening_balance numeric(14, 4) NOT NULL, closing_balance numeric(14, 4) NOT NULL, last_entry_no bigint NOT NULL,
    PRIMARY KEY (company_id, period)
);

CREATE TABLE econsent.wallet_reconciliations (
    reconciliation_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id text, company_id text NOT NULL REFERENCES econsent.wallets,
    opening_balance numeric(14, 4) NOT NULL, expected_balance numeric(14, 4) NOT NULL,
    drift numeric(14, 4) NOT NULL, closing_balance numeric(14, 4) NOT NULL,
    charges_posted integer NOT NULL DEFAULT 0, reversals_posted integer NOT NULL DEFAULT 0,
    recharges_posted integer NOT NULL DEFAULT 0, overage_posted numeric(14, 4) NOT NULL DEFAULT 0,
    result text NOT NULL CHECK (result IN ('clean', 'repaired', 'needs_review', 'failed')),
    error text, created_at timestamptz NOT NULL DEFAULT now()
);
