-- Only the row in hand counts a lost lease, so that the one which kills workers is found, and not the batch that it came in. Losing this
-- count in a crash of the server costs one more try; waiting for the disk at each item costs hours, so this one statement does not wait.
UPDATE econsent.certificate_queue AS queued
SET lost_leases = CASE WHEN mine.in_hand THEN queued.lost_leases + 1 ELSE 0 END
FROM unnest(%(company_ids)s::text[], %(certificate_pks)s::bigint[], %(in_hand)s::boolean[]) AS mine (company_id, certificate_pk, in_hand)
CROSS JOIN (SELECT set_config('synchronous_commit', 'off', TRUE)) AS unhurried
WHERE
    queued.company_id = mine.company_id
    AND queued.certificate_pk = mine.certificate_pk
    AND queued.lease_token = %(lease_token)s
