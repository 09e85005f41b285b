"""Bugs to plant, and the tests that must find them."""

from typing import Final

from tests.prove.harness.planted import Planted

JOB: Final = "include/econsent_jobs/webhook_delivery_retry/"
HTTP: Final = "include/econsent_jobs/io/http.py"
HERE: Final = "tests/integration/webhook_delivery_retry/"
PROOF: Final = HERE + "test_proof.py::"
MODEL: Final = PROOF + "test_histories_on_the_model"
REAL: Final = PROOF + "test_histories_on_the_real_database"
CONTRACT: Final = PROOF + "test_the_model_answers_as_the_store_does"
RECORDED: Final = PROOF + "test_the_recording_pass_meets_every_server"
FAULTS: Final = PROOF + "test_every_call_fails_once"
TARGETS: Final = HERE + "test_forbidden_targets.py"
HOSTILE: Final = HERE + "test_hostile_receivers.py"
SCHEDULE: Final = "tests/unit/webhook_delivery_retry/test_schedule.py"

PLANTED: Final = (
    Planted(
        name="anybody may write down an attempt",
        file=JOB + "sql/settle_deliveries.sql",
        old="AND delivery.lease_token = %(lease_token)s",
        new="AND %(lease_token)s::uuid IS NOT NULL",
        killers=(CONTRACT, REAL, FAULTS),
    ),
    Planted(
        name="attempts are not counted",
        file=JOB + "sql/settle_deliveries.sql",
        old="CASE WHEN ended.outcome IS NULL THEN 0 ELSE 1 END",
        new="CASE WHEN ended.outcome IS NULL THEN 1 ELSE 0 END",
        killers=(REAL, RECORDED),
    ),
    Planted(
        name="events from before the endpoint was made",
        file=JOB + "sql/fan_out_events.sql",
        old="AND endpoint.created_at <= fresh.occurred_at",
        new="AND endpoint.created_at IS NOT NULL",
        killers=(REAL,),
    ),
    Planted(
        name="an empty list is no event instead of all",
        file=JOB + "sql/fan_out_events.sql",
        old="cardinality(endpoint.events) = 0 OR fresh.event_type",
        new="cardinality(endpoint.events) < 0 OR fresh.event_type",
        killers=(RECORDED,),
    ),
    Planted(
        name="a released delivery keeps its lost lease",
        file=JOB + "sql/release_deliveries.sql",
        old="lost_leases = released.lost_leases,",
        new="lost_leases = delivery.lost_leases,",
        killers=(CONTRACT,),
    ),
    Planted(
        name="a released delivery comes back too early",
        file=JOB + "sql/release_deliveries.sql",
        old="make_interval(secs => released.wait_seconds)",
        new="make_interval(secs => 0 * released.wait_seconds)",
        killers=(CONTRACT,),
    ),
    Planted(
        name="two lanes at one endpoint",
        file=JOB + "sql/claim_deliveries.sql",
        old="AND other.lease_token <> %(lease_token)s",
        new="AND other.lease_token IS NULL AND %(lease_token)s::uuid IS NOT NULL",
        killers=(CONTRACT,),
    ),
    Planted(
        name="the backoff begins with the second wait",
        file=JOB + "rules/backoff.py",
        old="doubled(retry_no,",
        new="doubled(retry_no + 1,",
        killers=(SCHEDULE, MODEL),
    ),
    Planted(
        name="no jitter, so that a wave comes back as one",
        file=JOB + "rules/backoff.py",
        old="seconds = plain.total_seconds() * (1 + JITTER * jitter)",
        new="seconds = plain.total_seconds() * (1 + 0 * JITTER * jitter)",
        killers=(SCHEDULE,),
    ),
    Planted(
        name="a wait that a receiver asks for has no end",
        file=JOB + "rules/backoff.py",
        old="min(retry_after, LONGEST_RETRY).total_seconds()",
        new="retry_after.total_seconds()",
        killers=(SCHEDULE,),
    ),
    Planted(
        name="the owner is not told",
        file=JOB + "job.py",
        old="            run.tools.store.mail([disabled_mail(health, gone=gone)])\n",
        new="",
        killers=(MODEL,),
    ),
    Planted(
        name="the audit trail is not told",
        file=JOB + "job.py",
        old="            run.tools.store.audit([disabled_audit(health, gone=gone)])\n",
        new="",
        killers=(MODEL,),
    ),
    Planted(
        name="410 disables nothing",
        file=JOB + "rules/breaker.py",
        old="if verdict.gone or verdict.at",
        new="if verdict.at",
        killers=(RECORDED,),
    ),
    Planted(
        name="a redirect is a success",
        file=JOB + "rules/outcomes.py",
        old="            return Outcome.REDIRECT",
        new="            return Outcome.SUCCESS",
        killers=(HOSTILE,),
    ),
    Planted(
        name="the signature has no name of its algorithm",
        file=JOB + "rules/signatures.py",
        old='names.signature: f"sha256={sign(documented.value, claimed.body)}",',
        new="names.signature: sign(documented.value, claimed.body),",
        killers=(RECORDED,),
    ),
    Planted(
        name="the body is not sent as it is stored",
        file=JOB + "rules/signatures.py",
        old="headers=headers, body=claimed.body)",
        new='headers=headers, body=claimed.body + b"\\n")',
        killers=(RECORDED,),
    ),
    Planted(
        name="the id changes with each attempt",
        file=JOB + "rules/signatures.py",
        old="names.delivery: str(claimed.delivery_id),",
        new="names.delivery: str(claimed.event_id),",
        killers=(RECORDED,),
    ),
    Planted(
        name="a cloud's wire server is public",
        file=JOB + "rules/addresses.py",
        old='        ("168.63.129.16/32", "a cloud\'s metadata service"),\n',
        new="",
        killers=(TARGETS,),
    ),
    Planted(
        name="any port",
        file=JOB + "rules/addresses.py",
        old="if int(number) not in policy.ports and not policy.allow_loopback:",
        new="if int(number) not in policy.ports and policy.allow_loopback:",
        killers=(TARGETS,),
    ),
    Planted(
        name="a mix of addresses is picked from",
        file=HTTP,
        old="        self._check(addresses)\n",
        new="",
        killers=(TARGETS,),
    ),
    Planted(
        name="proxies of the environment are used",
        file=HTTP,
        old="trust_env=False,",
        new="trust_env=True,",
        killers=(TARGETS,),
    ),
    Planted(
        name="redirects are followed",
        file=HTTP,
        old="allow_redirects=False",
        new="allow_redirects=True",
        killers=(HOSTILE,),
    ),
    Planted(
        name="answers are unpacked",
        file=HTTP,
        old="auto_decompress=False,",
        new="auto_decompress=True,",
        killers=(HOSTILE,),
    ),
    Planted(
        name="a broken way out of our own costs attempts",
        file=JOB + "rules/way_out.py",
        old="return WayOut.BROKEN if len(",
        new="return WayOut.OPEN if len(",
        killers=(HERE + "test_job.py::test_when_nobody_at_all_is_reached_no_attempt_counts_and_the_run_says_why",),
    ),
    Planted(
        name="one receiver that is down is taken for a broken way out",
        file=JOB + "rules/way_out.py",
        old="    if reached_at >= first:\n        return WayOut.OPEN\n",
        new="",
        killers=(HERE + "test_job.py::test_while_somebody_is_reached_the_others_failures_are_their_own",),
    ),
    Planted(
        name="a replay is not named in the audit trail",
        file=JOB + "sql/replay_deliveries.sql",
        old="'deliveryIds', array_agg(listed.delivery_id)",
        new="'deliveryId', array_agg(listed.delivery_id)",
        killers=(HERE + "test_commands.py::test_the_verifier_knows_what_a_person_sent_again",),
    ),
)
