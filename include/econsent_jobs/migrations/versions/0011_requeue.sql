-- Whoever may set a failed certificate's status back to pending thereby queues it; a pending one without a queue row would wait for ever.
CREATE FUNCTION econsent.certificates_requeue() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog SET plan_cache_mode = force_custom_plan AS $$
BEGIN
  DELETE FROM econsent.attestations WHERE company_id = NEW.company_id AND certificate_pk = NEW.certificate_pk;
  INSERT INTO econsent.certificate_queue (company_id, certificate_pk) VALUES (NEW.company_id, NEW.certificate_pk);
  RETURN NULL;
END $$;

REVOKE ALL ON FUNCTION econsent.certificates_requeue() FROM public;

CREATE TRIGGER certificates_requeue AFTER UPDATE OF status ON econsent.certificates
FOR EACH ROW WHEN (old.status = 'failed' AND new.status = 'pending') EXECUTE FUNCTION econsent.certificates_requeue();

CREATE INDEX ON econsent.storage_objects (company_id, certificate_pk);
