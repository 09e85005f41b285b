-- The findings of one turn, in the order of its report.
INSERT INTO econsent.wallet_findings (
    reconciliation_id, finding_no, company_id, kind, ledger_id, usage_id, payment_id, amount, sentence
)
SELECT
    %(reconciliation_id)s,
    found.position,
    %(company_id)s,
    found.kind,
    found.ledger_id,
    found.usage_id,
    found.payment_id,
    found.amount,
    found.sentence
FROM unnest(
    %(kinds)s::text[], %(ledger_ids)s::bigint[], %(usage_ids)s::bigint[], %(payment_ids)s::text[], %(amounts)s::numeric[],
    %(sentences)s::text[]
) WITH ORDINALITY AS found (kind, ledger_id, usage_id, payment_id, amount, sentence, position)
