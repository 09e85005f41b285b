"""Wallet reconciliation: what was used and paid becomes entries of the ledger, and every balance adds up to it."""

from econsent_jobs.wallet_reconciliation.job import reconcile_wallets

__all__ = ["reconcile_wallets"]
