-- A row that lay in a default partition could not be moved when its company comes, so strangers are refused, and companies come whole.
CREATE FUNCTION econsent.refuse_stranger() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  RAISE EXCEPTION 'The company % is unknown here: create it with econsent.create_company() first.', quote_literal(NEW.company_id)
    USING ERRCODE = 'check_violation';
END $$;

CREATE TRIGGER sessions_default_stays_empty BEFORE INSERT ON econsent.sessions_default
FOR EACH ROW EXECUTE FUNCTION econsent.refuse_stranger();

CREATE TRIGGER certificates_default_stays_empty BEFORE INSERT ON econsent.certificates_default
FOR EACH ROW EXECUTE FUNCTION econsent.refuse_stranger();

CREATE TRIGGER attestations_default_stays_empty BEFORE INSERT ON econsent.attestations_default
FOR EACH ROW EXECUTE FUNCTION econsent.refuse_stranger();

-- A company id is opaque text of any shape, so its partitions are named by its hash and say the id in their comments.
CREATE FUNCTION econsent.partition_name(parent text, company_id text) RETURNS text LANGUAGE sql IMMUTABLE STRICT
SET search_path = pg_catalog AS $$
  SELECT parent || '_' || left(encode(sha256(convert_to(company_id, 'UTF8')), 'hex'), 32)
$$;

-- CREATE TABLE … PARTITION OF would lock the whole parent against every reader; ATTACH lets all other companies go on working.
CREATE FUNCTION econsent.add_partition(parent text, company_id text, foreign_key text DEFAULT '') RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog AS $$
DECLARE
  partition text := econsent.partition_name(parent, company_id);
BEGIN
  IF to_regclass(format('econsent.%I', partition)) IS NOT NULL THEN
    RETURN;
  END IF;
  EXECUTE format(
    'CREATE TABLE econsent.%I (LIKE econsent.%I INCLUDING CONSTRAINTS INCLUDING DEFAULTS INCLUDING INDEXES INCLUDING STORAGE %s)',
    partition, parent, foreign_key);
  EXECUTE format('ALTER TABLE econsent.%I ATTACH PARTITION econsent.%I FOR VALUES IN (%L)', parent, partition, company_id);
  EXECUTE format('COMMENT ON TABLE econsent.%I IS %L', partition, company_id);
END $$;

-- Called again with the same arguments it changes nothing (and adds what is missing); with others for a known id it raises.
CREATE FUNCTION econsent.create_company(company_id text, name text, plan text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog AS $$
#variable_conflict use_column
DECLARE
  quota integer := CASE create_company.plan WHEN 'starter' THEN 1000 WHEN 'growth' THEN 10000 WHEN 'enterprise' THEN 50000 WHEN 'high_volume' THEN 50000 END;
  encoded_bytes integer := octet_length(create_company.company_id)
    + 2 * octet_length(regexp_replace(create_company.company_id, '[A-Za-z0-9._-]', '', 'g'));
BEGIN
  IF create_company.company_id IS NULL OR create_company.company_id IN ('', '.', '..') THEN
    RAISE EXCEPTION 'A company id must not be empty, "." or "..": it names a folder and a part of object keys.' USING ERRCODE = 'invalid_parameter_value';
  ELSIF encoded_bytes > 200 THEN
    RAISE EXCEPTION 'The company id has % bytes when percent-encoded: use one with at most 200.', encoded_bytes USING ERRCODE = 'invalid_parameter_value';
  ELSIF coalesce(btrim(create_company.name), '') = '' OR length(create_company.name) > 200 THEN
    RAISE EXCEPTION 'A company needs a name of 1 to 200 characters.' USING ERRCODE = 'invalid_parameter_value';
  ELSIF quota IS NULL THEN
    RAISE EXCEPTION 'The plan % is unknown: use starter, growth, enterprise or high_volume.', quote_nullable(create_company.plan)
      USING ERRCODE = 'invalid_parameter_value';
  END IF;

  -- One creation at a time: two that attach partitions would otherwise wait for each other's locks.
  PERFORM pg_advisory_xact_lock(7305804402464123502);

  INSERT INTO econsent.companies (company_id, name, plan)
  VALUES (create_company.company_id, create_company.name, create_company.plan)
  ON CONFLICT (company_id) DO NOTHING;
  IF NOT EXISTS (
    SELECT FROM econsent.companies AS company
    WHERE company.company_id = create_company.company_id AND company.name = create_company.name AND company.plan = create_company.plan
  ) THEN
    RAISE EXCEPTION 'The company % exists with another name or plan: choose another id, or change that company.',
      quote_literal(create_company.company_id) USING ERRCODE = 'unique_violation';
  END IF;

  INSERT INTO econsent.wallets (company_id) VALUES (create_company.company_id) ON CONFLICT (company_id) DO NOTHING;
  INSERT INTO econsent.retention_settings (company_id, monthly_quota) VALUES (create_company.company_id, quota)
  ON CONFLICT (company_id) DO NOTHING;
  PERFORM econsent.add_partition('sessions', create_company.company_id);
  PERFORM econsent.add_partition('certificates', create_company.company_id);
  PERFORM econsent.add_partition('attestations', create_company.company_id, format(
    ', FOREIGN KEY (company_id, certificate_pk) REFERENCES econsent.%I ON DELETE CASCADE',
    econsent.partition_name('certificates', create_company.company_id)));
END $$;
