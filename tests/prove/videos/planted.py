"""The bugs planted in MP4 conversion, and the tests that must find them."""

from typing import Final

from tests.prove.harness.planted import Planted

JOB: Final = "include/econsent_jobs/mp4_conversion/"
UNIT: Final = "tests/unit/mp4_conversion/"
HERE: Final = "tests/integration/mp4_conversion/"
JOBS: Final = HERE + "test_job.py::"
PROOF: Final = HERE + "test_proof.py::"
MODEL: Final = PROOF + "test_histories_on_the_model"
REAL: Final = PROOF + "test_histories_on_the_real_servers"
CONTRACT: Final = PROOF + "test_the_model_answers_as_the_store_does"
RECORDED: Final = PROOF + "test_the_recording_pass_meets_every_server"
PLANTED: Final = (
    Planted(
        name="a lane that lost its lease completes all the same",
        file=JOB + "job.py",
        old="        hold(claim, tools)\n        tools.store.complete(",
        new="        tools.store.complete(",
        killers=(MODEL,),
    ),
    Planted(
        name="a lane that lost its lease seals all the same",
        file=JOB + "job.py",
        old="        hold(claim, tools)\n        tools.store.forget_sealed(claim.key)\n",
        new="        tools.store.forget_sealed(claim.key)\n",
        killers=(MODEL,),
    ),
    Planted(
        name="a trouble is written down over another lane's work",
        file=JOB + "job.py",
        old="        if not tools.store.hold(claim):\n            return JobResult(examined=1, skipped=1)\n",
        new="        tools.store.hold(claim)\n",
        killers=(MODEL,),
    ),
    Planted(
        name="what was sealed is made again",
        file=JOB + "job.py",
        old="    if not tools.staging.is_whole(files):\n",
        new="    if not tools.staging.is_whole(files) or files:\n",
        killers=(MODEL, JOBS + "test_a_store_that_fails_is_tried_again_with_the_same_bytes"),
    ),
    Planted(
        name="nothing is written down before it is sent",
        file=JOB + "job.py",
        old="        tools.store.seal(claim, files, rendered.facts)\n",
        new="",
        killers=(MODEL,),
    ),
    Planted(
        name="another recording than the closed one is shown",
        file=JOB + "job.py",
        old="        elif recording.sha256 != session.recording_sha256:\n",
        new='        elif recording.sha256 == "":\n',
        killers=(MODEL,),
    ),
    Planted(
        name="a chunk that came while it was read is left out",
        file=JOB + "job.py",
        old="        if not tools.store.close_session(session, recording):\n",
        new="        if tools.store.close_session(session, recording) is None:\n",
        killers=(MODEL,),
    ),
    Planted(
        name="what kills workers is tried for ever",
        file=JOB + "job.py",
        old="            if claim.lost_leases >= lifecycle.MOST_LOST_LEASES:\n",
        new="            if claim.lost_leases >= 100 * lifecycle.MOST_LOST_LEASES:\n",
        killers=(JOBS + "test_what_three_workers_were_lost_with_is_quarantined",),
    ),
    Planted(
        name="a lane that breaks down alive keeps its lease",
        file=JOB + "job.py",
        old="        if not ended:\n",
        new="        if ended:\n",
        killers=(PROOF + "test_a_lane_without_its_database_gives_back_what_it_has",),
    ),
    Planted(
        name="the platform is not told of a video",
        file=JOB + "job.py",
        old='        tools.store.mark_session(claim.key, "completed")\n',
        new="",
        killers=(MODEL,),
    ),
    Planted(
        name="the audit trail is not told of a video",
        file=JOB + "job.py",
        old='        tools.store.audit(claim, action="video.converted", details=details)\n',
        new="        assert details\n",
        killers=(MODEL,),
    ),
    Planted(
        name="one attempt too many",
        file=JOB + "job.py",
        old="    if not trouble.final and attempts >= lifecycle.MOST_ATTEMPTS:\n",
        new="    if not trouble.final and attempts > lifecycle.MOST_ATTEMPTS:\n",
        killers=(JOBS + "test_the_last_attempt_is_the_end",),
    ),
    Planted(
        name="a lease that holds is claimed",
        file=JOB + "sql/claim_conversion.sql",
        old="AND (conversion.leased_until IS NULL OR conversion.leased_until < now())",
        new="AND (conversion.leased_until IS NULL OR conversion.leased_until IS NOT NULL)",
        killers=(CONTRACT,),
    ),
    Planted(
        name="one more of a company than allowed",
        file=JOB + "sql/claim_conversion.sql",
        old="open.in_flight < %(most_in_flight)s",
        new="open.in_flight <= %(most_in_flight)s",
        killers=(CONTRACT,),
    ),
    Planted(
        name="the company that was served last is served next",
        file=JOB + "sql/claim_conversion.sql",
        old="ORDER BY open.in_flight ASC, turn.served_at ASC NULLS FIRST",
        new="ORDER BY turn.served_at DESC NULLS LAST",
        killers=(CONTRACT,),
    ),
    Planted(
        name="a beat takes the lease back from whoever has it",
        file=JOB + "sql/beat.sql",
        old="AND conversion.lease_token = %(lease_token)s",
        new="AND %(lease_token)s::uuid IS NOT NULL",
        killers=(CONTRACT,),
    ),
    Planted(
        name="a failed attempt counts as a lost worker",
        file=JOB + "sql/back_off.sql",
        old="    lost_leases = 0,\n",
        new="",
        killers=(CONTRACT,),
    ),
    Planted(
        name="a lane that gives back counts as lost",
        file=JOB + "sql/give_back.sql",
        old="greatest(0, conversion.lost_leases - 1)",
        new="conversion.lost_leases",
        killers=(CONTRACT,),
    ),
    Planted(
        name="half of what was sealed is enough to send it",
        file=JOB + "staging.py",
        old="        return {file.kind for file in files} == set(FileKind) and all(\n",
        new="        return {file.kind for file in files} == set(FileKind) and any(\n",
        killers=(JOBS + "test_what_was_staged_and_is_gone_is_made_again",),
    ),
    Planted(
        name="another recording's video takes the place of the first",
        file=JOB + "rules/keys.py",
        old='            f"{source_sha256}.{SUFFIXES[kind]}",\n',
        new='            f"video.{SUFFIXES[kind]}",\n',
        killers=(UNIT + "test_lifecycle.py",),
    ),
    Planted(
        name="a certificate without an id is not waited for",
        file=JOB + "rules/lifecycle.py",
        old="    return session.read_at + LOOK_AGAIN if session.unfinished_certificates else session.read_at\n",
        new="    return session.read_at\n",
        killers=(UNIT + "test_lifecycle.py",),
    ),
    Planted(
        name="what is kept no more gets a video",
        file=JOB + "rules/lifecycle.py",
        old='    if session.retention_status != "retained":\n',
        new='    if session.retention_status == "deleted":\n',
        killers=(UNIT + "test_lifecycle.py",),
    ),
    Planted(
        name="a change is shown a frame too early",
        file=JOB + "rules/plan.py",
        old="math.ceil((at_ms - self.started_ms) / STEP_MS)",
        new="math.floor((at_ms - self.started_ms) / STEP_MS)",
        killers=(UNIT + "test_plan.py",),
    ),
    Planted(
        name="the folder of a killed worker's conversion stays",
        file=JOB + "reaper.py",
        old="        shutil.rmtree(folder, ignore_errors=True)  # again",
        new="        shutil.rmtree(folder + '/nothing', ignore_errors=True)  # again",
        killers=(JOBS + "test_a_worker_that_is_killed_leaves_no_process_and_no_file",),
    ),
    Planted(
        name="a browser that ends is the end of its recording",
        file=JOB + "job.py",
        old="final=isinstance(error, BadItem))",
        new="final=True)",
        killers=(PROOF + "test_a_program_is_killed_in_the_midst[browser]",),
    ),
)
