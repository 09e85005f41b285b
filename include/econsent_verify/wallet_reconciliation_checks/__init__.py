"""What ``verify wallet_reconciliation`` asks: chain and hashes, balances, usage, payments, reversals, overage, months, reconciliations."""
