-- A document is in the index: its row goes, unless a newer version was wanted meanwhile, or the lease is someone else's by now.
DELETE FROM econsent.search_outbox AS queued
USING unnest(%(company_ids)s::text[], %(certificate_pks)s::bigint[], %(versions)s::bigint[]) AS sent (company_id, certificate_pk, version)
WHERE
    queued.company_id = sent.company_id
    AND queued.doc_type = 'certificate'
    AND queued.doc_key = sent.certificate_pk::text
    AND queued.wanted_version <= sent.version
    AND queued.lease_token = %(lease_token)s
