-- Hashes that a phone number could be guessed from go too.
UPDATE econsent.attestations AS attestation
SET form_data_sha256 = NULL, interaction_chain = '[]', document = jsonb_build_object()
WHERE attestation.company_id = %(company_id)s AND attestation.certificate_pk = any(%(certificate_pks)s)
