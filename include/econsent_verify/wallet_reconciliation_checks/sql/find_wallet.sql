-- So that a company with a typing error is not reported as faultless.
SELECT wallet.company_id FROM econsent.wallets AS wallet
WHERE wallet.company_id = %(company_id)s
