"""The bugs planted in certificate processing, and the tests that must find them."""

from typing import Final

from tests.prove.harness.planted import Planted

JOB: Final = "include/econsent_jobs/certificate_processing/"
IO: Final = "include/econsent_jobs/io/"
UNIT: Final = "tests/unit/certificate_processing/"
REAL: Final = "tests/integration/certificate_processing/test_job.py::"
PROOF: Final = "tests/integration/certificate_processing/test_proof.py::"
MODEL: Final = PROOF + "test_histories_on_the_model"
PLANTED: Final = (
    Planted(
        name="who still holds the lease is not asked before sealing",
        file=JOB + "job.py",
        old="        ours = [each for each in group if each.sealed.key.certificate_pk in held]\n        tools.store.close",
        new="        ours = list(group) if held is not None else []\n        tools.store.close",
        killers=(MODEL,),
    ),
    Planted(
        name="the fence ignores the token",
        file=JOB + "sql/hold_leases.sql",
        old="    AND queued.lease_token = %(lease_token)s\n",
        new="    AND queued.lease_token IS NOT NULL AND %(lease_token)s::uuid IS NOT NULL\n",
        killers=(PROOF + "test_the_model_answers_as_the_store_does",),
    ),
    Planted(
        name="a lease that runs still keeps nobody out",
        file=JOB + "sql/claim_certificates.sql",
        old="        AND (queued.leased_until IS NULL OR queued.leased_until < now())\n",
        new="",
        killers=(PROOF + "test_the_model_answers_as_the_store_does",),
    ),
    Planted(
        name="documents are sent before they are sealed",
        file=JOB + "job.py",
        old="    seal(batch, built, tools)\n    tools.store.renew",
        new="    tools.archive.store([each.sealed for each in built])\n    seal(batch, built, tools)\n    tools.store.renew",
        killers=(MODEL,),
    ),
    Planted(
        name="412 is taken as stored without reading back",
        file=IO + "object_store.py",
        old="            return self._adopt(stored)",
        new='            return self._versioned(self._client.head_object(Bucket=self.bucket, Key=stored.key)["VersionId"])',
        killers=(REAL + "test_other_bytes_under_the_key_are_never_taken_for_ours",),
    ),
    Planted(
        name="a key may be written twice",
        file=IO + "object_store.py",
        old='                    IfNoneMatch="*",\n',
        new="",
        killers=(REAL + "test_a_failed_put_is_tried_again_with_the_same_bytes",),
    ),
    Planted(
        name="objects are stored without a lock",
        file=IO + "object_store.py",
        old='                    ObjectLockMode="COMPLIANCE",\n                    ObjectLockRetainUntilDate=stored.retain_until,\n',
        new="",
        killers=(REAL + "test_a_certificate_becomes_evidence",),
    ),
    Planted(
        name="storage rows outside the transaction",
        file=JOB + "job.py",
        old="            tools.store.record_objects(company_id, [each for each in group if each.sealed.key in done],"
        " bucket=tools.archive.bucket)\n",
        new="        tools.store.record_objects(company_id, [each for each in group if each.sealed.key in done],"
        " bucket=tools.archive.bucket)\n"
        "        with tools.store.transaction():\n",
        killers=(MODEL,),
    ),
    Planted(
        name="finalising is no transaction",
        file=JOB + "job.py",
        old="for each in group if each.sealed.session_id]\n        with tools.store.transaction():",
        new="for each in group if each.sealed.session_id]\n        for _ in (0,):",
        killers=(MODEL,),
    ),
    Planted(
        name="the audit entry follows in a transaction of its own",
        file=JOB + "job.py",
        old="            tools.store.audit(company_id, [generated(each, archived=bool(sealed[each.key].documents))"
        " for each in finalised])\n"
        "            tools.store.retain_sessions(company_id, [each.session_id for each in finalised if each.session_id])\n"
        "            tools.store.leave_queue(batch.lease, company_id, sorted(held))\n",
        new="            tools.store.retain_sessions(company_id, [each.session_id for each in finalised if each.session_id])\n"
        "            tools.store.leave_queue(batch.lease, company_id, sorted(held))\n"
        "        tools.store.audit(company_id, [generated(each, archived=bool(sealed[each.key].documents)) for each in finalised])\n",
        killers=(MODEL,),
    ),
    Planted(
        name="what was sealed is built anew",
        file=JOB + "job.py",
        old='            elif pending.status == "processing":',
        new='            elif pending.status == "processing again":',
        killers=(MODEL,),
    ),
    Planted(
        name="a retry sends nothing and counts as stored",
        file=JOB + "job.py",
        old="        documents=documents if lifecycle.archivable(pending) else [],\n    )\n\n\ndef trouble_of",
        new="        documents=documents[:1] if lifecycle.archivable(pending) else [],\n    )\n\n\ndef trouble_of",
        killers=(MODEL,),
    ),
    Planted(
        name="events are told apart by their certificate's id alone",
        file=JOB + "rules/events.py",
        old='dedupe_key=f"{name}:{company_id}:{finalised.certificate_id}"',
        new='dedupe_key=f"{name}:{finalised.certificate_id}"',
        killers=(PROOF + "test_without_faults_everything_happens_once",),
    ),
    Planted(
        name="both events of a certificate have one key",
        file=JOB + "rules/events.py",
        old='dedupe_key=f"{name}:{company_id}:{finalised.certificate_id}"',
        new='dedupe_key=f"{company_id}:{finalised.certificate_id}"',
        killers=(MODEL,),
    ),
    Planted(
        name="a session is paid for by each of its certificates",
        file="include/econsent_jobs/migrations/versions/0018_retention.sql",
        old="        AND session.retention_status = 'unretained'\n",
        new="",
        killers=(PROOF + "test_without_faults_everything_happens_once",),
    ),
    Planted(
        name="open sessions are retained",
        file="include/econsent_jobs/migrations/versions/0018_retention.sql",
        old="        AND session.closed_at IS NOT NULL\n",
        new="",
        killers=(REAL + "test_an_open_session_is_certified_as_it_is_and_not_retained",),
    ),
    Planted(
        name="the lock date is computed again for a retry",
        file=JOB + "sql/load_certificates.sql",
        old="        certificate.retain_until,\n        date_trunc(",
        new="        NULL::timestamptz,\n        date_trunc(",
        killers=(PROOF + "test_a_changed_policy_does_not_move_a_sealed_lock_date",),
    ),
    Planted(
        name="the lock date keeps its fractions of a second",
        file=JOB + "sql/load_certificates.sql",
        old="            'second',\n",
        new="            'microsecond',\n",
        killers=(PROOF + "test_fractions_of_a_second_are_cut_off_the_lock_date",),
    ),
    Planted(
        name="lost leases are never forgiven",
        file=JOB + "sql/take_in_hand.sql",
        old="ELSE 0 END",
        new="ELSE queued.lost_leases END",
        killers=(PROOF + "test_the_model_answers_as_the_store_does",),
    ),
    Planted(
        name="two lost leases are too many",
        file=JOB + "rules/lifecycle.py",
        old="MOST_LOST_LEASES: Final = 3",
        new="MOST_LOST_LEASES: Final = 2",
        killers=(MODEL,),
    ),
    Planted(
        name="the seventh attempt is the last",
        file=JOB + "job.py",
        old="attempts[each.key] >= lifecycle.MOST_ATTEMPTS else",
        new="attempts[each.key] >= lifecycle.MOST_ATTEMPTS - 1 else",
        killers=(REAL + "test_the_eighth_transient_failure_is_the_last",),
    ),
    Planted(
        name="waiting has no end",
        file=JOB + "rules/lifecycle.py",
        old="doubled(attempts, first=FIRST_RETRY, longest=LONGEST_RETRY)",
        new="FIRST_RETRY * 2 ** min(attempts - 1, 10)",
        killers=(UNIT + "test_lifecycle.py",),
    ),
    Planted(
        name="ripe one second late",
        file=JOB + "rules/lifecycle.py",
        old="QUIET: Final = timedelta(seconds=120)",
        new="QUIET: Final = timedelta(seconds=121)",
        killers=(UNIT + "test_lifecycle.py",),
    ),
    Planted(
        name="a consent of the future is taken",
        file=JOB + "rules/documents.py",
        old="    lifecycle.check_consent_time(pending)\n",
        new="",
        killers=(UNIT, REAL + "test_every_bad_certificate_is_named_and_harms_no_other"),
    ),
    Planted(
        name="one character more",
        file=JOB + "rules/consents.py",
        old="LONGEST_VALUE: Final = 4_900",
        new="LONGEST_VALUE: Final = 4_901",
        killers=(UNIT + "test_consents.py",),
    ),
    Planted(
        name="the fingerprint follows the order of the page",
        file=JOB + "rules/consents.py",
        old="for record_id in sorted(best)]",
        new="for record_id in best]",
        killers=(UNIT + "test_consents.py",),
    ),
    Planted(
        name="types keep their capitals",
        file=JOB + "rules/capture.py",
        old="kind(self.text().strip().lower())",
        new="kind(self.text().strip())",
        killers=(UNIT + "test_capture.py",),
    ),
    Planted(
        name="links of the chain do not hang together",
        file=JOB + "rules/chain.py",
        old="hashlib.sha256(head + UNIT_SEPARATOR",
        new="hashlib.sha256(UNIT_SEPARATOR",
        killers=(UNIT + "test_chain.py",),
    ),
    Planted(
        name="the ceiling of seven years is not looked at",
        file=JOB + "rules/lifecycle.py",
        old="    if pending.retain_until > pending.lock_ceiling_at:",
        new="    if pending.retain_until is None:",
        killers=(UNIT + "test_lifecycle.py",),
    ),
    Planted(
        name="links are followed",
        file=IO + "efs.py",
        old="os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK",
        new="os.O_RDONLY | os.O_NONBLOCK",
        killers=(UNIT + "test_recordings.py",),
    ),
    Planted(
        name="a recording that is not the closed session's is certified",
        file=JOB + "job.py",
        old="session.recording_sha256 != recording.sha256:",
        new="len(session.recording_sha256) != len(recording.sha256):",
        killers=(REAL + "test_every_bad_certificate_is_named_and_harms_no_other",),
    ),
    Planted(
        name="a session is closed although a chunk came",
        file=JOB + "sql/close_sessions.sql",
        old="    AND session.last_chunk_at IS NOT DISTINCT FROM over.last_chunk_at",
        new="    AND session.last_chunk_at IS NOT NULL",
        killers=(PROOF + "test_a_chunk_that_came_in_between_keeps_the_session_open",),
    ),
)
