-- The ledger gets its only door, and the tables refuse wrong money by themselves.
SET LOCAL ROLE econsent_migrator;

-- Entries are hashed in fields joined by the unit separator, so no text in them may hold one, nor be empty where NULL stands for nothing.
ALTER TABLE econsent.wallet_ledger
ADD COLUMN occurred_at timestamptz NOT NULL DEFAULT now(),  -- when that happened which is paid for; a late charge names its own month by it
ADD CONSTRAINT wallet_ledger_text_is_plain CHECK (
    position(chr(31) IN concat(company_id, sku, payment_id, idempotency_key, memo, created_by, run_id)) = 0
    AND sku <> '' AND payment_id <> '' AND idempotency_key <> '' AND memo <> '' AND created_by <> '' AND run_id <> ''
),
ADD CONSTRAINT wallet_ledger_period_is_a_month CHECK (extract(DAY FROM period) = 1),
ADD CONSTRAINT wallet_ledger_reversal_names_its_cause CHECK ((entry_type = 'reversal') = (reverses_ledger_id IS NOT NULL));

CREATE INDEX ON econsent.wallet_ledger (payment_id) WHERE payment_id IS NOT NULL;

ALTER TABLE econsent.wallets
ADD COLUMN lease_token uuid, ADD COLUMN leased_until timestamptz,
ADD COLUMN lost_leases smallint NOT NULL DEFAULT 0,
ADD COLUMN last_turn_at timestamptz,  -- the last try; last_reconciled_at is the last one that came to its end
ADD COLUMN needs_review_at timestamptz,  -- a large drift, until a person has looked at it
ADD COLUMN low_balance_entry_no bigint,  -- the entry that took the balance down to the threshold; NULL while it is above
ADD COLUMN low_balance_notified_no bigint;  -- the crossing that was told last

CREATE INDEX ON econsent.wallets (last_turn_at);

ALTER TABLE econsent.price_book
ADD CONSTRAINT price_book_ends_after_it_begins CHECK (effective_to > effective_from),
-- GiST compares text for equality only with an extension; a range of one hash needs none.
ADD CONSTRAINT price_book_no_overlap EXCLUDE USING gist (
    numrange(
        hashtextextended(tier_from || ' ' || sku, 0)::numeric, hashtextextended(tier_from || ' ' || sku, 0)::numeric, '[]'
    ) WITH &&,
    tstzrange(effective_from, effective_to) WITH &&
);

CREATE INDEX ON econsent.usage_events (company_id) WHERE status = 'voided' AND ledger_id IS NOT NULL;
CREATE INDEX ON econsent.usage_events (company_id, usage_id) WHERE status = 'quarantined';

ALTER TABLE econsent.payments
ADD COLUMN currency char(3) NOT NULL DEFAULT 'USD' CONSTRAINT payments_currency_is_usd CHECK (currency = 'USD'),
ADD COLUMN ledger_id bigint,  -- NULL: not in the ledger yet
ADD COLUMN lease_token uuid, ADD COLUMN leased_until timestamptz,
ADD COLUMN attempts smallint NOT NULL DEFAULT 0,
ADD COLUMN last_error text;

CREATE INDEX ON econsent.payments (company_id) WHERE ledger_id IS NULL AND status IN ('succeeded', 'refunded', 'disputed');
CREATE INDEX ON econsent.payments (company_id, created_at);

ALTER TABLE econsent.payment_refunds ADD COLUMN ledger_id bigint;
CREATE INDEX ON econsent.payment_refunds (payment_id) WHERE ledger_id IS NULL;

ALTER TABLE econsent.retention_usage
ADD COLUMN monthly_quota integer CHECK (monthly_quota >= 0);  -- the highest one while the month ran: a later cut makes no old month dearer

ALTER TABLE econsent.wallet_periods
ADD CONSTRAINT wallet_periods_period_is_a_month CHECK (extract(DAY FROM period) = 1);

CREATE TRIGGER wallet_periods_append_only BEFORE UPDATE OR DELETE ON econsent.wallet_periods
FOR EACH ROW EXECUTE FUNCTION econsent.forbid_change();

CREATE TRIGGER wallet_periods_no_truncate BEFORE TRUNCATE ON econsent.wallet_periods
FOR EACH STATEMENT EXECUTE FUNCTION econsent.forbid_change();

ALTER TABLE econsent.wallet_reconciliations
ADD COLUMN snapshot text, ADD COLUMN report text, ADD COLUMN report_sha256 char(64);

CREATE INDEX ON econsent.wallet_reconciliations (company_id, reconciliation_id);

-- What a reconciliation found, one row a finding: the words of the report, for counting and for the page.
CREATE TABLE econsent.wallet_findings (
    reconciliation_id bigint NOT NULL REFERENCES econsent.wallet_reconciliations, finding_no integer NOT NULL,
    company_id text NOT NULL REFERENCES econsent.wallets,
    kind text NOT NULL CHECK (kind IN (
        'missing', 'duplicate', 'wrong_amount', 'wrong_company', 'late', 'out_of_period', 'unexplained'
    )),
    ledger_id bigint, usage_id bigint, payment_id text,
    amount numeric(14, 4) NOT NULL, sentence text NOT NULL,
    PRIMARY KEY (reconciliation_id, finding_no)
);

CREATE INDEX ON econsent.wallet_findings (company_id, reconciliation_id);

CREATE TRIGGER wallet_findings_append_only BEFORE UPDATE OR DELETE ON econsent.wallet_findings
FOR EACH ROW EXECUTE FUNCTION econsent.forbid_change();

CREATE TRIGGER wallet_findings_no_truncate BEFORE TRUNCATE ON econsent.wallet_findings
FOR EACH STATEMENT EXECUTE FUNCTION econsent.forbid_change();

-- What was charged, reversed or given up does not become chargeable again: a second charge would be under the first one's key.
CREATE FUNCTION econsent.refuse_usage_turn() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  RAISE EXCEPTION 'Usage % is %: it cannot become %.', OLD.usage_id, OLD.status, NEW.status
    USING ERRCODE = 'check_violation', CONSTRAINT = 'usage_events_status_turn';
END $$;

CREATE TRIGGER usage_events_status_turn BEFORE UPDATE OF status ON econsent.usage_events
FOR EACH ROW WHEN (
    old.status <> new.status AND (
        old.status = 'reversed'
        OR (old.status = 'voided' AND new.status <> 'reversed')
        OR (new.status = 'unposted' AND old.status <> 'quarantined')
        OR (new.status = 'quarantined' AND old.status <> 'unposted')
    )
) EXECUTE FUNCTION econsent.refuse_usage_turn();

-- Only here a payment learns what went back of it, so that the sum and the rows cannot part.
CREATE FUNCTION econsent.take_back_payment() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  payment econsent.payments;
BEGIN
  SELECT * INTO payment FROM econsent.payments WHERE payment_id = NEW.payment_id FOR NO KEY UPDATE;
  IF payment.status NOT IN ('succeeded', 'refunded', 'disputed') THEN
    RAISE EXCEPTION 'Payment % is %: nothing of it can go back.', payment.payment_id, payment.status
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_refunds_of_a_settled_payment';
  ELSIF payment.refunded_amount + NEW.amount > payment.amount THEN
    RAISE EXCEPTION 'The % % of % is above what is left of payment %: % of %.', NEW.kind, NEW.refund_ref, NEW.amount,
      payment.payment_id, payment.amount - payment.refunded_amount, payment.amount
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_refunds_within_the_payment';
  END IF;
  UPDATE econsent.payments SET
    refunded_amount = payment.refunded_amount + NEW.amount,
    status = CASE
      WHEN NEW.kind = 'dispute' OR payment.status = 'disputed' THEN 'disputed'
      WHEN payment.refunded_amount + NEW.amount = payment.amount THEN 'refunded'
      ELSE payment.status
    END
  WHERE payment_id = NEW.payment_id;
  RETURN NULL;
END $$;

CREATE TRIGGER payment_refunds_take_back AFTER INSERT ON econsent.payment_refunds
FOR EACH ROW EXECUTE FUNCTION econsent.take_back_payment();

-- Switched on again by a person, auto-recharge starts with a clean slate.
CREATE FUNCTION econsent.forget_recharge_failures() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  NEW.auto_recharge_failures := 0;
  RETURN NEW;
END $$;

CREATE TRIGGER wallets_auto_recharge_on BEFORE UPDATE OF auto_recharge_enabled ON econsent.wallets
FOR EACH ROW WHEN (new.auto_recharge_enabled AND NOT old.auto_recharge_enabled) EXECUTE FUNCTION econsent.forget_recharge_failures();

CREATE TYPE econsent.ledger_request AS (
    entry_type text, amount numeric (14, 4), sku text, quantity integer, unit_price numeric (10, 4),
    usage_id bigint, payment_id text, reverses_ledger_id bigint, idempotency_key text, occurred_at timestamptz, memo text
);

-- The one text form of a time in the hashes.
CREATE FUNCTION econsent.ledger_time(at timestamptz) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
RETURN to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');

-- A running hash as an aggregate over a window: the chain of a whole slice in one pass.
CREATE FUNCTION econsent.chain_step(state text, first_hash text, entry text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN encode(sha256(convert_to(coalesce(state, first_hash) || chr(31) || entry, 'UTF8')), 'hex');

CREATE AGGREGATE econsent.hash_chain (first_hash text, entry text)(sfunc = econsent.chain_step, stype = text);

-- What an idempotency key stands for: the same key with another hash is another request.
CREATE FUNCTION econsent.request_sha256(company_id text, request econsent.ledger_request) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
RETURN encode(sha256(convert_to(concat_ws(
    chr(31), company_id, (request).entry_type, (request).amount, coalesce((request).sku, ''), coalesce((request).quantity::text, ''),
    coalesce((request).unit_price::text, ''), coalesce((request).usage_id::text, ''), coalesce((request).payment_id, ''),
    coalesce((request).reverses_ledger_id::text, ''), (request).idempotency_key,
    to_char((request).occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
), 'UTF8')), 'hex');

-- The ledger's only door. Numbers, balances, months and hashes are given under the wallet's lock, in the order of the array.
-- A key that is there already is answered with its entry, when the request is the same to the letter, and refused when it is not.
-- plan_cache_mode: no partitioned table is touched here, and a fresh plan for each row's foreign keys took more time than the insert.
CREATE FUNCTION econsent.post_entries(company_id text, requests econsent.ledger_request[], created_by text, run_id text)
RETURNS TABLE (idempotency_key text, ledger_id bigint, entry_no bigint, usage_id bigint, is_new boolean)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog SET plan_cache_mode = auto SET datestyle = 'ISO' AS $$
#variable_conflict use_column
DECLARE
  wallet econsent.wallets;
  last_no bigint;
  last_balance numeric(14, 4);
  last_hash text;
  closed_until date;
  fresh econsent.ledger_request [] := requests;
  looked record;
  written_at CONSTANT timestamptz := clock_timestamp();
  written_text CONSTANT text := econsent.ledger_time(written_at);
BEGIN
  SELECT * INTO wallet FROM econsent.wallets AS w WHERE w.company_id = post_entries.company_id FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'There is no wallet of the company %.', quote_nullable(post_entries.company_id)
      USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'wallet_ledger_company_id_fkey';
  END IF;
  SELECT entry.entry_no, entry.balance_after, entry.entry_hash INTO last_no, last_balance, last_hash
  FROM econsent.wallet_ledger AS entry
  WHERE entry.company_id = post_entries.company_id ORDER BY entry.entry_no DESC LIMIT 1;
  IF NOT FOUND THEN
    last_no := 0; last_balance := 0; last_hash := repeat('0', 64);
  END IF;
  SELECT max(closed.period) INTO closed_until FROM econsent.wallet_periods AS closed WHERE closed.company_id = post_entries.company_id;

  SELECT
    count(known.ledger_id) AS known,
    min(request.idempotency_key) FILTER (
      WHERE known.company_id <> post_entries.company_id OR known.request_sha256 <> econsent.request_sha256(post_entries.company_id, request)
    ) AS other_content,
    min(request.idempotency_key) FILTER (
      WHERE usage.company_id <> post_entries.company_id
        OR payment.company_id <> post_entries.company_id
        OR reversed.company_id <> post_entries.company_id
        OR (request.entry_type = 'reversal' AND reversed.amount IS DISTINCT FROM -request.amount)
        OR (request.entry_type = 'adjustment' AND (request.memo IS NULL OR post_entries.created_by LIKE 'system:%'))
    ) AS without_cause
  INTO looked
  FROM unnest(requests) AS request
  LEFT JOIN econsent.wallet_ledger AS known ON known.idempotency_key = request.idempotency_key
  LEFT JOIN econsent.usage_events AS usage ON usage.usage_id = request.usage_id
  LEFT JOIN econsent.payments AS payment ON payment.payment_id = request.payment_id
  LEFT JOIN econsent.wallet_ledger AS reversed ON reversed.ledger_id = request.reverses_ledger_id;
  IF looked.other_content IS NOT NULL THEN
    RAISE EXCEPTION 'The idempotency key % is in the ledger with other content: an entry is never changed, so find out which one is right.',
      quote_literal(looked.other_content)
      USING ERRCODE = 'unique_violation', CONSTRAINT = 'wallet_ledger_same_key_other_content';
  ELSIF looked.without_cause IS NOT NULL THEN
    RAISE EXCEPTION 'The entry % does not fit its cause: another company''s, another amount, or an adjustment by nobody.',
      quote_literal(looked.without_cause)
      USING ERRCODE = 'check_violation', CONSTRAINT = 'wallet_ledger_entry_fits_its_cause';
  END IF;
  IF looked.known > 0 THEN
    RETURN QUERY
    SELECT known.idempotency_key, known.ledger_id, known.entry_no, known.usage_id, FALSE
    FROM unnest(requests) AS request
    JOIN econsent.wallet_ledger AS known ON known.idempotency_key = request.idempotency_key;
    fresh := ARRAY(
      SELECT ROW(
        entry_type, amount, sku, quantity, unit_price, usage_id, payment_id, reverses_ledger_id, idempotency_key, occurred_at, memo
      )::econsent.ledger_request
      FROM unnest(requests) WITH ORDINALITY AS request
      WHERE NOT EXISTS (SELECT FROM econsent.wallet_ledger AS known WHERE known.idempotency_key = request.idempotency_key)
      ORDER BY ordinality
    );
  END IF;

  RETURN QUERY
  WITH numbered AS (
    SELECT
      request.*,
      nextval('econsent.wallet_ledger_ledger_id_seq'::regclass) AS ledger_id,
      last_no + ordinality AS entry_no,
      (last_balance + sum(amount) OVER (ORDER BY ordinality ROWS UNBOUNDED PRECEDING))::numeric(14, 4) AS balance_after,
      CASE
        WHEN date_trunc('month', occurred_at AT TIME ZONE 'UTC')::date <= closed_until THEN (closed_until + interval '1 month')::date
        ELSE date_trunc('month', occurred_at AT TIME ZONE 'UTC')::date
      END AS period,
      -- as in request_sha256(), written out: a call for each row would cost as much as the hash
      encode(sha256(convert_to(concat_ws(
        chr(31), post_entries.company_id, entry_type, amount, coalesce(sku, ''), coalesce(quantity::text, ''),
        coalesce(unit_price::text, ''), coalesce(usage_id::text, ''), coalesce(payment_id, ''),
        coalesce(reverses_ledger_id::text, ''), idempotency_key,
        to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
      ), 'UTF8')), 'hex') AS request_sha256
    FROM unnest(fresh) WITH ORDINALITY AS request
  ), chained AS (
    SELECT
      numbered.*,
      econsent.hash_chain(last_hash, concat_ws(
        chr(31), request_sha256, entry_no, ledger_id, balance_after, period, coalesce(memo, ''), post_entries.created_by,
        coalesce(post_entries.run_id, ''), written_text
      )) OVER (ORDER BY ordinality ROWS UNBOUNDED PRECEDING) AS entry_hash
    FROM numbered
  ), written AS (
    INSERT INTO econsent.wallet_ledger AS entry (
      ledger_id, company_id, entry_no, entry_type, amount, balance_after, sku, quantity, unit_price, usage_id, payment_id,
      reverses_ledger_id, idempotency_key, request_sha256, period, prev_hash, entry_hash, memo, created_by, run_id, created_at, occurred_at
    )
    OVERRIDING SYSTEM VALUE
    SELECT
      ledger_id, post_entries.company_id, entry_no, entry_type, amount, balance_after, sku, quantity, unit_price, usage_id, payment_id,
      reverses_ledger_id, idempotency_key, request_sha256, period, lag(entry_hash, 1, last_hash) OVER (ORDER BY ordinality), entry_hash,
      memo, post_entries.created_by, post_entries.run_id, written_at, occurred_at
    FROM chained
    ORDER BY ordinality
    RETURNING entry.idempotency_key, entry.ledger_id, entry.entry_no, entry.usage_id, entry.amount, entry.balance_after, entry.entry_hash
  ), total AS (
    SELECT
      sum(amount) AS amount,
      max(entry_no) AS last_no,
      max(entry_no) FILTER (WHERE balance_after > wallet.low_balance_threshold) AS last_above_no,
      max(entry_hash) FILTER (WHERE entry_no = last_no + cardinality(fresh)) AS last_hash
    FROM written
    HAVING count(*) > 0
  ), moved AS (
    UPDATE econsent.wallets AS w SET
      balance = w.balance + total.amount,
      last_entry_no = total.last_no,
      last_entry_hash = total.last_hash,
      low_balance_entry_no = CASE
        WHEN total.last_above_no = total.last_no THEN NULL
        WHEN total.last_above_no IS NOT NULL THEN total.last_above_no + 1
        WHEN last_balance > w.low_balance_threshold THEN last_no + 1
        ELSE w.low_balance_entry_no
      END,
      updated_at = written_at
    FROM total
    WHERE w.company_id = post_entries.company_id
  )
  SELECT written.idempotency_key, written.ledger_id, written.entry_no, written.usage_id, TRUE FROM written;
END $$;

REVOKE ALL ON FUNCTION econsent.post_entries(text, econsent.ledger_request[], text, text) FROM public;

-- wallet_reconciliation: what its statements need beyond revision 0010. The sum that went back of a payment is the trigger's to write.
REVOKE UPDATE (refunded_amount) ON econsent.payments FROM econsent_wallet_reconciliation, econsent_platform;
GRANT EXECUTE ON FUNCTION
econsent.post_entries(text, econsent.ledger_request[], text, text)
TO econsent_wallet_reconciliation;
GRANT UPDATE (lease_token, leased_until, lost_leases, last_turn_at, needs_review_at, low_balance_entry_no, low_balance_notified_no)
ON econsent.wallets TO econsent_wallet_reconciliation;
GRANT UPDATE (ledger_id, lease_token, leased_until, attempts, last_error) ON econsent.payments TO econsent_wallet_reconciliation;
GRANT UPDATE (ledger_id) ON econsent.payment_refunds TO econsent_wallet_reconciliation;
GRANT UPDATE (monthly_quota) ON econsent.retention_usage TO econsent_wallet_reconciliation;
GRANT SELECT, INSERT ON econsent.wallet_findings TO econsent_wallet_reconciliation;
GRANT SELECT ON econsent.wallet_findings TO econsent_dashboard, econsent_verify, econsent_platform;
