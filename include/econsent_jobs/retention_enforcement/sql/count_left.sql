-- What a closing company still has anywhere. An index counts until a round of proof began well after the company's last change there:
-- a round's beginning is written down with its first slice, which takes less than the hour.
SELECT
    (
        SELECT count(*) FROM econsent.storage_objects AS stored
        WHERE stored.company_id = %(company_id)s AND stored.state <> 'deleted'
    ) AS objects,
    (
        SELECT count(*) FROM econsent.search_outbox AS outbox
        WHERE outbox.company_id = %(company_id)s
    ) AS on_their_way_to_the_index,
    (
        SELECT count(*) FROM econsent.search_targets AS target
        WHERE
            target.state IN ('live', 'rollback')
            AND EXISTS (
                SELECT FROM econsent.certificates AS certificate
                WHERE
                    certificate.company_id = %(company_id)s
                    AND certificate.updated_at > coalesce(target.proven_from - interval '1 hour', '-infinity')
            )
    ) AS indices_not_proven_since,
    (
        SELECT count(*) FROM econsent.certificates AS certificate
        WHERE certificate.company_id = %(company_id)s AND certificate.status IN ('pending', 'processing', 'finalized')
    ) AS certificates,
    (
        SELECT count(*) FROM econsent.sessions AS session
        WHERE session.company_id = %(company_id)s AND session.retention_status = 'unretained'
    ) AS sessions
