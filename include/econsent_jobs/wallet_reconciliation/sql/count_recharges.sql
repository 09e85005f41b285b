-- How many automatic recharges a company has had in all, and how many since a moment; and whether one is open.
SELECT
    count(*)::integer AS ever,
    count(*) FILTER (WHERE payment.created_at > %(since)s)::integer AS lately,
    count(*) FILTER (WHERE payment.status = 'pending')::integer AS pending
FROM econsent.payments AS payment
WHERE
    payment.company_id = %(company_id)s
    AND payment.kind = 'auto_recharge'
