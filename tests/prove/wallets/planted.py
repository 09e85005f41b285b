"""The bugs planted in wallet reconciliation, and the tests that must find them."""

from typing import Final

from tests.prove.harness.planted import Planted

JOB: Final = "include/econsent_jobs/wallet_reconciliation/"
IO: Final = "include/econsent_jobs/io/"
LEDGER: Final = "include/econsent_jobs/migrations/versions/0016_wallet.sql"
REAL: Final = "tests/integration/wallet_reconciliation/test_proof.py::"
ONCE: Final = REAL + "test_without_faults_everything_happens_once"
MODEL: Final = REAL + "test_histories_on_the_model"
HISTORIES: Final = REAL + "test_histories_on_the_real_servers"
PAYMENTS: Final = "tests/integration/wallet_reconciliation/test_payments.py::"
JOBS: Final = "tests/integration/wallet_reconciliation/test_job.py::"
UNIT: Final = "tests/unit/wallet_reconciliation/"

PLANTED: Final = (
    Planted(
        name="the provider is sent a charge again without asking first",
        file=JOB + "payments.py",
        old="    sent_before = payment.attempts > 0 or not payment.ours\n",
        new="    sent_before = not payment.ours\n",
        killers=(PAYMENTS + "test_a_provider_that_forgot_our_key_is_asked_before_it_is_sent_to",),
    ),
    Planted(
        name="the provider's answer is not checked against the payment's state",
        file=JOB + "sql/settle_payment.sql",
        old="    AND payment.status = 'pending'\n",
        new="",
        killers=(REAL + "test_every_call_fails_once", REAL + "test_a_payment_is_settled_once"),
    ),
    Planted(
        name="a recharge has a fresh id each time it is decided",
        file=JOB + "rules/balance.py",
        old='    return f"auto:{company_id}:{recharges.ever + 1}"\n',
        new='    return f"auto:{company_id}:{recharges.lately + 1}"\n',
        killers=(MODEL,),
    ),
    Planted(
        name="an open recharge does not keep another one out",
        file=JOB + "rules/balance.py",
        old="or recharges.pending or ",
        new="or ",
        killers=(UNIT + "test_balance.py", MODEL, HISTORIES),
    ),
    Planted(
        name="four recharges a day",
        file=JOB + "rules/balance.py",
        old="recharges.lately >= settings.recharges_a_day",
        new="recharges.lately > settings.recharges_a_day",
        killers=(UNIT + "test_balance.py", MODEL),
    ),
    Planted(
        name="a payment that another worker sent meanwhile is sent again",
        file=JOB + "job.py",
        old="payment = replace(listed, attempts=attempts)",
        new="payment = listed",
        killers=(
            "tests/integration/wallet_reconciliation/test_payments.py::test_a_payment_that_another_worker_sent_meanwhile_is_asked_for",
        ),
    ),
    Planted(
        name="money is a float for a moment",
        file=JOB + "sql/post_usage.sql",
        old="due.quantity * price.unit_price AS amount",
        new="(due.quantity * price.unit_price::real)::numeric(14, 2) AS amount",
        killers=(ONCE,),
    ),
    Planted(
        name="usage is charged at the price of today",
        file=JOB + "sql/post_usage.sql",
        old="            AND due.occurred_at >= price.effective_from\n"
        "            AND (price.effective_to IS NULL OR due.occurred_at < price.effective_to)\n",
        new="            AND price.effective_to IS NULL\n",
        killers=(JOBS + "test_a_price_change_within_the_hour_charges_each_usage_at_its_own_price", HISTORIES),
    ),
    Planted(
        name="a price's last moment belongs to both prices",
        file=JOB + "sql/post_usage.sql",
        old="OR due.occurred_at < price.effective_to)",
        new="OR due.occurred_at <= price.effective_to)",
        killers=(REAL + "test_usage_of_the_very_moment_of_a_price_change_has_the_new_price",),
    ),
    Planted(
        name="the same request twice is charged twice",
        file=JOB + "sql/post_usage.sql",
        old="            WHEN twin.usage_id IS NOT NULL THEN 'duplicate'\n",
        new="",
        killers=(ONCE,),
    ),
    Planted(
        name="a slice is no transaction",
        file=JOB + "job.py",
        old="        with store.transaction():\n            store.lock_wallet(turn.company_id)\n            done = post(size)\n",
        new="        store.lock_wallet(turn.company_id)\n        done = post(size)\n",
        killers=(REAL + "test_a_slice_is_one_transaction",),
    ),
    Planted(
        name="of two tiers of one bill only the first is posted",
        file=JOB + "job.py",
        old="requests = [overage_request(turn.company_id, month, charge) for charge in charges]\n            store.post_requests",
        new="requests = [overage_request(turn.company_id, month, charge) for charge in charges[:1]]\n            store.post_requests",
        killers=(MODEL,),
    ),
    Planted(
        name="the first unit of the next tier has the old price",
        file=JOB + "rules/overage.py",
        old="[tier for tier in ordered if tier.tier_from <= unit]",
        new="[tier for tier in ordered if tier.tier_from < unit or tier.tier_from == 0]",
        killers=(UNIT, MODEL),
    ),
    Planted(
        name="an entry's hash does not go on from the one before",
        file=LEDGER,
        old="coalesce(state, first_hash) || chr(31) || entry",
        new="first_hash || chr(31) || entry",
        killers=(ONCE,),
    ),
    Planted(
        name="a known key is taken for the same request whatever it says",
        file=LEDGER,
        old="OR known.request_sha256 <> econsent.request_sha256(",
        new="OR '' = econsent.request_sha256(",
        killers=(REAL + "test_the_same_key_with_another_amount_is_refused",),
    ),
    Planted(
        name="a late charge goes into the closed month",
        file=LEDGER,
        old="<= closed_until",
        new="< closed_until",
        killers=(REAL + "test_a_late_charge_lies_in_the_open_month",),
    ),
    Planted(
        name="the balance is repaired to what it was",
        file=JOB + "sql/close_turn.sql",
        old="    balance = %(expected)s,\n",
        new="    balance = wallet.balance + 0 * %(expected)s,\n",
        killers=(ONCE,),
    ),
    Planted(
        name="the checkpoint runs ahead of its entry",
        file=JOB + "sql/advance_checkpoint.sql",
        old="    checkpoint_balance = %(expected)s\n",
        new="    checkpoint_balance = wallet.balance + 0 * %(expected)s\n",
        killers=(ONCE,),
    ),
    Planted(
        name="a decline does not count as a failure",
        file=JOB + "sql/count_failures.sql",
        old="wallet.auto_recharge_failures + 1 ELSE 0 END,",
        new="wallet.auto_recharge_failures ELSE 0 END,",
        killers=(REAL + "test_three_failures_in_a_row_switch_auto_recharge_off",),
    ),
    Planted(
        name="a row counts as a duplicate of one that is set aside",
        file=JOB + "sql/post_usage.sql",
        old="AND other.occurred_at >= its.effective_from",
        new="AND its.effective_from IS NOT NULL",
        killers=("tests/integration/wallet_reconciliation/test_job.py::test_a_row_is_no_duplicate_of_one_that_is_set_aside",),
    ),
)
