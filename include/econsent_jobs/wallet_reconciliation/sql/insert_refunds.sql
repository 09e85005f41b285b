-- What the provider says went back, once for each of its references.
INSERT INTO econsent.payment_refunds (refund_ref, payment_id, kind, amount, created_at)
SELECT
    back.refund_ref,
    %(payment_id)s,
    back.kind,
    back.amount,
    back.created_at
FROM
    unnest(
        %(refund_refs)s::text[], %(kinds)s::text[], %(amounts)s::numeric[], %(created_ats)s::timestamptz[]
    ) AS back (refund_ref, kind, amount, created_at)
ON CONFLICT (refund_ref) DO NOTHING
