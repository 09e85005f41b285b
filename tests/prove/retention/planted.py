"""The bugs planted in retention enforcement, and the tests that must find them."""

from typing import Final

from tests.prove.harness.planted import Planted

JOB: Final = "include/econsent_jobs/retention_enforcement/"
IO: Final = "include/econsent_jobs/io/"
MIGRATIONS: Final = "include/econsent_jobs/migrations/versions/"
UNIT: Final = "tests/unit/retention_enforcement/"
REAL: Final = "tests/integration/retention_enforcement/"
BARRIERS: Final = REAL + "test_barriers.py::"
JOBS: Final = REAL + "test_job.py::"
PEOPLE: Final = REAL + "test_people.py::"
MODEL: Final = REAL + "test_proof.py::test_histories_on_the_model"
PLANTED: Final = (
    Planted(
        name="what is marked is deleted without a second look",
        file=JOB + "purging.py",
        old="    due = allowed(turn, [pair for pair in decided if pair[1].verdict is Verdict.DELETE])\n",
        new="    due = allowed(turn, list(decided))\n",
        killers=(MODEL,),
    ),
    Planted(
        name="a batch goes on while a hold is being placed",
        file=JOB + "purging.py",
        old="    if not store.lock_company(turn.company_id):\n",
        new="    if store.lock_company(turn.company_id) is None:\n",
        killers=(MODEL, BARRIERS + "test_a_purge_leaves_a_company_whose_hold_is_being_placed"),
    ),
    Planted(
        name="what a dead worker deleted gets no tombstone when it is to be kept after all",
        file=JOB + "purging.py",
        old="    lost = [each for each in kept if is_gone(turn, each)]\n",
        new="    lost: list[Facts] = []\n",
        killers=(MODEL,),
    ),
    Planted(
        name="a version that the archive refused to delete counts as deleted",
        file=IO + "object_versions.py",
        old='            for error in answer.get("Errors", [])\n',
        new='            for error in answer.get("Refused", [])\n',
        killers=(BARRIERS + "test_each_barrier_holds_without_the_other",),
    ),
    Planted(
        name="deletions go by name: a marker is laid over what stays",
        file=IO + "object_versions.py",
        old='        named: list[Any] = [{"Key": key, "VersionId": version_id} for key, version_id in versions]\n',
        new='        named: list[Any] = [{"Key": key} for key, _ in versions]\n',
        killers=(JOBS + "test_what_is_purged_goes_by_version_with_a_tombstone_and_finishes_its_certificate",),
    ),
    Planted(
        name="a hold outranks nothing",
        file=JOB + "rules/decision.py",
        old="    if facts.holds:\n",
        new="    if facts.holds and facts.erasure_asked_at is None and facts.marked_at is None:\n",
        killers=(UNIT + "test_decision.py", MODEL),
    ),
    Planted(
        name="the law is forgotten where an erasure was asked for",
        file=JOB + "rules/decision.py",
        old="    if minimum is not None and now < minimum:\n",
        new="    if minimum is not None and now < minimum and facts.erasure_asked_at is None:\n",
        killers=(UNIT + "test_decision.py", MODEL),
    ),
    Planted(
        name="an object goes in the moment in which its lock ends",
        file=JOB + "rules/decision.py",
        old="    if facts.retain_until is not None and now <= facts.retain_until:\n",
        new="    if facts.retain_until is not None and now < facts.retain_until:\n",
        killers=(UNIT + "test_decision.py",),
    ),
    Planted(
        name="the grace ends a day early",
        file=JOB + "rules/decision.py",
        old="    over = facts.marked_at + due.grace\n",
        new="    over = facts.marked_at + due.grace - timedelta(days=1)\n",
        killers=(UNIT + "test_decision.py",),
    ),
    Planted(
        name="five years are 1,825 days",
        file=JOB + "rules/decision.py",
        old="    return max((plus_years(served.consent_at, REGULATORY_YEARS) for served in facts.served), default=None)\n",
        new="    return max((served.consent_at + timedelta(days=365 * REGULATORY_YEARS) for served in facts.served), default=None)\n",
        killers=(UNIT + "test_decision.py",),
    ),
    Planted(
        name="the first certificate that ends takes what others need",
        file=JOB + "rules/decision.py",
        old="        last = max(ends)\n",
        new="        last = min(ends)\n",
        killers=(UNIT + "test_decision.py",),
    ),
    Planted(
        name="the guard counts each run for itself",
        file=JOB + "rules/guard.py",
        old="    if approved or gone_today + selected <= limit:\n",
        new="    if approved or selected <= limit:\n",
        killers=(UNIT + "test_guard.py",),
    ),
    Planted(
        name="a release needs one person",
        file=MIGRATIONS + "0018_retention.sql",
        old="  ELSIF hold.released_by = release_hold.released_by THEN\n",
        new="  ELSIF hold.released_by = release_hold.released_by AND FALSE THEN\n",
        killers=(BARRIERS + "test_a_hold_between_the_mark_and_the_purge_wins_and_its_release_begins_the_grace_anew",),
    ),
    Planted(
        name="a file that is gone is registered anew, and told of twice",
        file=MIGRATIONS + "0021_files.sql",
        old="CREATE UNIQUE INDEX storage_objects_one_file",
        new="CREATE INDEX storage_objects_one_file",
        killers=(BARRIERS + "test_a_file_that_is_gone_is_not_registered_anew",),
    ),
    Planted(
        name="a hot copy goes before the archived one was read",
        file=JOB + "steps/drop_hot_copy.py",
        old="        good = [row for row in rows if is_archived(turn, row)]\n",
        new="        good = list(rows)\n",
        killers=(JOBS + "test_a_hot_copy_stays_while_the_archived_bytes_are_not_right",),
    ),
    Planted(
        name="an erasure waits for another mark's grace",
        file=JOB + "marking.py",
        old="        if decision.verdict is Verdict.MARK or is_overtaken(each, decision)\n",
        new="        if decision.verdict is Verdict.MARK\n",
        killers=(PEOPLE + "test_an_erasure_waits_for_no_grace",),
    ),
    Planted(
        name="an account is closed while the index still shows it",
        file=JOB + "steps/close_accounts.py",
        old="    if any(left.values()):\n",
        new='    if left["objects"]:\n',
        killers=(PEOPLE + "test_a_closing_company_goes_as_far_as_its_locks_let_it",),
    ),
    Planted(
        name="a claim does not lengthen what it claims",
        file=JOB + "sql/load_facts.sql",
        old="            AND token.status = 'claimed'\n",
        new="            AND token.status = 'open'\n",
        killers=(BARRIERS + "test_a_claim_in_between_wins_and_lengthens_the_lock",),
    ),
    Planted(
        name="leaves and nodes are hashed alike",
        file=JOB + "rules/merkle.py",
        old='    return hashlib.sha256(b"\\1" + left + right).digest()\n',
        new='    return hashlib.sha256(b"\\0" + left + right).digest()\n',
        killers=(UNIT + "test_merkle.py",),
    ),
    Planted(
        name="what is just being written is an orphan",
        file=JOB + "rules/orphans.py",
        old="            yield from (without_row(each) for each in there[1] if now - each.modified_at >= grace)\n",
        new="            yield from (without_row(each) for each in there[1])\n",
        killers=(UNIT + "test_orphans.py",),
    ),
)
