-- A released hold on a person still named that person when everything else had forgotten them. Who deletes may not write to holds in any
-- other way: this door takes names out of holds that are over, and nothing else.
CREATE FUNCTION econsent.forget_released_holds(company_id text, names text[]) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog AS $$
DECLARE
  forgotten integer;
BEGIN
  UPDATE econsent.legal_holds AS hold
  SET scope_value = ''
  WHERE hold.company_id = forget_released_holds.company_id
    AND hold.scope = 'consumer'
    AND hold.released_at IS NOT NULL
    AND lower(hold.scope_value) = any(forget_released_holds.names);
  GET DIAGNOSTICS forgotten = ROW_COUNT;
  RETURN forgotten;
END $$;

REVOKE ALL ON FUNCTION econsent.forget_released_holds(text, text[]) FROM public;
GRANT EXECUTE ON FUNCTION econsent.forget_released_holds(text, text[]) TO econsent_retention_enforcement;
