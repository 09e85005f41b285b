-- A reconciliation adds up, its report has its hash, its findings account for the drift, and a person heard of a large one.
WITH explained AS (
    SELECT
        finding.reconciliation_id,
        sum(finding.amount) AS amount
    FROM econsent.wallet_findings AS finding
    GROUP BY finding.reconciliation_id
),

told AS (
    SELECT
        done.company_id,
        done.reconciliation_id,
        done.expected_balance,
        done.drift,
        done.closing_balance,
        done.result,
        done.report,
        done.report_sha256,
        coalesce(explained.amount, 0)::numeric(14, 4) AS explained,
        count(entry.audit_id) AS audited
    FROM econsent.wallet_reconciliations AS done
    LEFT JOIN explained ON done.reconciliation_id = explained.reconciliation_id
    LEFT JOIN econsent.audit_log AS entry
        ON
            done.result = 'needs_review'
            AND done.company_id = entry.company_id
            AND entry.action = 'wallet.drift_detected'
            AND entry."timestamp" BETWEEN done.created_at - interval '5 minutes' AND done.created_at
    WHERE (%(company_id)s::text IS NULL OR done.company_id = %(company_id)s)
    GROUP BY
        done.company_id, done.reconciliation_id, done.expected_balance, done.drift, done.closing_balance, done.result, done.report,
        done.report_sha256, explained.amount
)

SELECT
    told.company_id,
    'reconciliation ' || told.reconciliation_id AS subject,
    'reconciliation' AS trouble,
    judged.what,
    coalesce(judged.expected, 'nothing') AS expected,
    coalesce(judged.found, 'nothing') AS found
FROM told
CROSS JOIN
    LATERAL (
        VALUES
        ('closing_balance', told.expected_balance::text, told.closing_balance::text),
        ('findings', told.drift::text, told.explained::text),
        (
            'result',
            CASE WHEN told.drift = 0 THEN 'clean' ELSE 'a repair' END,
            CASE WHEN told.result = 'clean' THEN 'clean' ELSE 'a repair' END
        ),
        ('report_sha256', encode(sha256(convert_to(told.report, 'UTF8')), 'hex'), told.report_sha256::text),
        ('audit', 'an entry', CASE WHEN told.result = 'needs_review' AND told.audited = 0 THEN 'none' ELSE 'an entry' END)
    ) AS judged (what, expected, found)
WHERE told.result <> 'failed' AND judged.expected IS DISTINCT FROM judged.found
ORDER BY told.company_id, told.reconciliation_id, judged.what
LIMIT %(most)s
