"""The bugs planted in the search sync, and the tests that must find them."""

from typing import Final

from tests.prove.harness.planted import Planted

JOB: Final = "include/econsent_jobs/elasticsearch_sync/"
HERE: Final = "tests/integration/elasticsearch_sync/"
UNIT: Final = "tests/unit/elasticsearch_sync/"
PROOF: Final = HERE + "test_proof.py::"
MODEL: Final = PROOF + "test_histories_on_the_model"
CONTRACT: Final = PROOF + "test_the_model_answers_as_the_servers_do"
RECORDED: Final = PROOF + "test_the_recording_pass_meets_every_server"
PLANTED: Final = (
    Planted(
        name="closed although one index did not take it",
        file=JOB + "job.py",
        old="            if judged.result is not Result.WRITTEN:\n                worst[key] = judged\n",
        new="            if judged.result is Result.WRITTEN:\n                worst[key] = judged\n",
        killers=(MODEL,),
    ),
    Planted(
        name="a newer wanted version is closed with the older one",
        file=JOB + "sql/close_documents.sql",
        old="    AND queued.wanted_version <= sent.version\n",
        new="",
        killers=(CONTRACT,),
    ),
    Planted(
        name="anybody may close",
        file=JOB + "sql/close_documents.sql",
        old="    AND queued.lease_token = %(lease_token)s\n",
        new="    AND %(lease_token)s::uuid IS NOT NULL\n",
        killers=(CONTRACT,),
    ),
    Planted(
        name="a lease that runs still keeps nobody out",
        file=JOB + "sql/claim_documents.sql",
        old="        AND (queued.leased_until IS NULL OR queued.leased_until < now())\n",
        new="",
        killers=(CONTRACT,),
    ),
    Planted(
        name="revocations wait their turn",
        file=JOB + "sql/claim_documents.sql",
        old="ORDER BY queued.priority DESC, queued.next_attempt_at ASC",
        new="ORDER BY queued.next_attempt_at ASC, queued.priority DESC",
        killers=(HERE + "test_job.py::test_a_revocation_reaches_the_index_in_the_first_bulk",),
    ),
    Planted(
        name="every conflict is a success",
        file=JOB + "rules/outcomes.py",
        old="        return Result.WRITTEN if found.sha256 == document.sha256 else None",
        new="        return Result.WRITTEN",
        killers=(UNIT + "test_outcomes.py",),
    ),
    Planted(
        name="an index that is newer than the database is a success",
        file=JOB + "rules/outcomes.py",
        old="    return Result.WRITTEN if found.version <= target.version_of(newest) else None",
        new="    return Result.WRITTEN if newest is not None else None",
        killers=(UNIT + "test_outcomes.py",),
    ),
    Planted(
        name="deleted documents are removed at once",
        file=JOB + "job.py",
        old="            drift.purge(target, tools)",
        new="            tools.index.purge(target, older_than_ms=tools.store.now_ms() + 10**9, keep=lambda keys: set())",
        killers=(HERE + "test_job.py::test_a_certificate_that_no_longer_counts_is_hidden_and_holds_nothing_of_the_consumer", MODEL),
    ),
    Planted(
        name="tombstones of what waits are removed",
        file=JOB + "drift.py",
        old="keep=waiting)",
        new="keep=lambda keys: set())",
        killers=(HERE + "test_drift.py::test_tombstones_go_after_their_time_and_not_before",),
    ),
    Planted(
        name="a tombstone keeps the consumer",
        file=JOB + "rules/projection.py",
        old="        content = Shown(certificate_pk=key.certificate_pk, company_id=key.company_id, deleted=True)",
        new="        buried = Shown(certificate_pk=key.certificate_pk, company_id=key.company_id, deleted=True)\n"
        "        content = msgspec.structs.replace(shown(key, source), deleted=True) if source else buried",
        killers=(UNIT + "test_projection.py",),
    ),
    Planted(
        name="an index that is being built is not followed",
        file=JOB + "job.py",
        old="    with tools.store.snapshot():\n        targets = tools.store.targets()\n        for company_id, keys",
        new="    targets = [target for target in tools.store.targets() if target.state != 'building']\n    with tools.store.snapshot():\n"
        "        for company_id, keys",
        killers=(HERE + "test_reindex.py::test_changes_while_it_is_built_reach_both",),
    ),
    Planted(
        name="the index kept for a rollback is no longer followed",
        file=JOB + "job.py",
        old="        targets = tools.store.targets()\n        for company_id, keys",
        new="        targets = [target for target in tools.store.targets() if target.state != 'rollback']\n        for company_id, keys",
        killers=(HERE + "test_reindex.py::test_readers_change_over_and_the_old_index_stays_current",),
    ),
    Planted(
        name="readers change over before the new index is proven",
        file=JOB + "reindex.py",
        old="    prove_whole(target.index_name, tools, limits, deadline=deadline)\n",
        new="",
        killers=(HERE + "test_reindex.py::test_what_is_wrong_in_the_new_index_is_repaired_before_anybody_sees_it",),
    ),
    Planted(
        name="progress is written down before the page is taken",
        file=JOB + "reindex.py",
        old="            indexed_at_ms = tools.store.now_ms()\n",
        new="            tools.store.note_progress(target.index_name, Key(company_id, pks[-1]).document_id)\n"
        "            indexed_at_ms = tools.store.now_ms()\n",
        killers=(HERE + "test_reindex.py::test_a_page_that_was_not_taken_is_filled_again",),
    ),
    Planted(
        name="an index counts as full once it is made",
        file=JOB + "job.py",
        old='    tools.index.create(target.index_name)\n    tools.store.note_progress(target.index_name, "")\n',
        new="    tools.index.create(target.index_name)\n",
        killers=(HERE + "test_faults.py::test_a_lost_index_is_built_anew",),
    ),
    Planted(
        name="drift compares versions and no content",
        file=JOB + "rules/drift.py",
        old="    return Kind.CONTENT if found.deleted or altered or found.sha256 != expected.sha256 else None",
        new="    return Kind.CONTENT if found.deleted else None",
        killers=(UNIT + "test_drift.py",),
    ),
    Planted(
        name="the sums leave the last bucket out",
        file=JOB + "rules/drift.py",
        old="    return sorted(bucket for bucket in ours.keys() | theirs.keys() if",
        new="    return sorted(bucket for bucket in sorted(ours.keys() | theirs.keys())[:-1] if",
        killers=(UNIT + "test_drift.py", MODEL),
    ),
    Planted(
        name="what waits in the outbox is taken for drift",
        file=JOB + "drift.py",
        old="        kind = None if key.certificate_pk in waiting else drift.judge(",
        new="        kind = drift.judge(",
        killers=(MODEL, PROOF + "test_workers_are_killed_at_random_moments"),
    ),
    Planted(
        name="wrong content is written again under its old version",
        file=JOB + "drift.py",
        old="            touched.append(key.certificate_pk)  # only",
        new="            wanted.append(key.certificate_pk)  # only",
        killers=(HERE + "test_drift.py::test_each_kind_is_named_and_repaired",),
    ),
    Planted(
        name="a slice is written down before its repairs are wanted",
        file=JOB + "drift.py",
        old="        found = compare(part, target, tools)\n",
        new="        tools.store.note_check(target.index_name, Key(company_id, part.through).document_id, kinds={}, repaired=0)\n"
        "        found = compare(part, target, tools)\n",
        killers=(HERE + "test_drift.py::test_a_slice_whose_repair_failed_is_compared_again_by_the_next_run",),
    ),
    Planted(
        name="a new epoch begins with the version that is there",
        file=JOB + "rules/outcomes.py",
        old="    return (version >> EPOCH_BITS) + 1",
        new="    return version >> EPOCH_BITS",
        killers=(UNIT + "test_outcomes.py", HERE + "test_drift.py::test_a_restored_database_writes_over_the_newer_index_and_nothing_else"),
    ),
    Planted(
        name="trouble of the other side sets documents aside",
        file=JOB + "job.py",
        old="    final = answer.result is Result.REFUSED and attempts >= outcomes.MOST_ATTEMPTS",
        new="    final = attempts >= outcomes.MOST_ATTEMPTS",
        killers=(HERE + "test_faults.py::test_trouble_of_the_other_side_never_sets_a_document_aside",),
    ),
    Planted(
        name="a tombstone may hold anything",
        file=JOB + "rules/drift.py",
        old="        return Kind.CONTENT if found is not None and altered else None",
        new="        return None",
        killers=(UNIT + "test_drift.py", HERE + "test_drift.py::test_a_tombstone_holds_nothing_of_the_consumer_whoever_wrote_it"),
    ),
    Planted(
        name="a document over the limit is sent",
        file=JOB + "rules/projection.py",
        old="    if len(plain) > MOST_BYTES:",
        new="    if len(plain) > 100 * MOST_BYTES:",
        killers=(HERE + "test_faults.py::test_a_document_over_the_limit_is_set_aside_and_harms_no_other",),
    ),
    Planted(
        name="a search may leave its company",
        file=JOB + "queries.py",
        old='"filter": [{"term": {"company_id": company_id}}',
        new='"should": [{"term": {"company_id": company_id}}',
        killers=(HERE + "test_commands.py::test_no_query_can_forget_its_company",),
    ),
    Planted(
        name="an index that was lost and never filled again is kept for a rollback",
        file=JOB + "job.py",
        old='if target.state == "rollback" and target.built_through is not None:',
        new='if target.state == "rollback" and target.built_through == "nowhere":',
        killers=(HERE + "test_reindex.py::test_an_index_that_was_not_full_when_it_was_replaced_is_no_rollback",),
    ),
    Planted(
        name="who goes back may find a part of the certificates",
        file=JOB + "reindex.py",
        old=" and target.built_through is None and tools.index.exists(target)",
        new=" and tools.index.exists(target)",
        killers=(HERE + "test_reindex.py::test_an_index_that_was_not_full_when_it_was_replaced_is_no_rollback",),
    ),
    Planted(
        name="a document that moved to another key adds up",
        file=JOB + "rules/drift.py",
        old="before.keys + certificate_pk)",
        new="before.keys)",
        killers=(UNIT + "test_drift.py",),
    ),
)
