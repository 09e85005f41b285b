-- A long batch keeps what it holds; a lease that someone else took over in between stays theirs.
UPDATE econsent.certificate_queue AS queued
SET leased_until = now() + make_interval(secs => %(lease_seconds)s)
FROM unnest(%(company_ids)s::text[], %(certificate_pks)s::bigint[]) AS mine (company_id, certificate_pk)
WHERE
    queued.company_id = mine.company_id
    AND queued.certificate_pk = mine.certificate_pk
    AND queued.lease_token = %(lease_token)s
