-- A reconciliation with its snapshot, to make its report again.
SELECT
    done.company_id,
    done.created_at,
    done.result,
    done.drift,
    done.snapshot,
    done.report,
    done.report_sha256,
    done.error
FROM econsent.wallet_reconciliations AS done
WHERE done.reconciliation_id = %(reconciliation_id)s
