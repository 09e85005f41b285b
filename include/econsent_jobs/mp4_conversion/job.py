"""Turn the recordings of retained sessions into videos: each once, fairly among companies, until nothing is left to do.

1. Claim one conversion under a lease; one that three workers were lost with is quarantined, it may be what kills them.
2. Load its session. What may not be made yet is put back until it may; what nobody may keep any more fails.
3. What an earlier try sealed goes straight to step 7.
4. Read the recording and compare its hash with the session's; another one is never converted.
5. Render and encode at once, inspect the video, and hold the lease meanwhile.
6. Seal: the exact files, their keys and lock date are committed before anything is sent.
7. Store them under their locks, beside the certificate; what an earlier try left there is read back and adopted.
8. Complete in one transaction: storage rows, conversion, session, audit; the search index follows by trigger.
9. Write down what went wrong: bad recordings fail with class and sentence, transient trouble backs off.
10. Begin again. Without work the lane stays while another one works, because what arrives meanwhile can start no run.

It can be killed at any line: what was not sealed is rendered anew, what was sealed is sent as it was, what was stored is adopted. Lanes
share the queue, and a worker frozen past its lease finds the fence closed.
"""

import logging
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final

from econsent_jobs.core.errors import BadItem, EconsentError, ErrorClass, TransientError
from econsent_jobs.core.limits import Limits
from econsent_jobs.core.logs import about
from econsent_jobs.core.results import JobResult
from econsent_jobs.mp4_conversion.model import Claim, SealedFile, Session, Trouble
from econsent_jobs.mp4_conversion.progress import Progress
from econsent_jobs.mp4_conversion.rules import lifecycle
from econsent_jobs.mp4_conversion.tools import Tools

log = logging.getLogger(__name__)

IDLE_SECONDS: Final = 2.0  # between two looks at the queue


class LeaseLost(Exception):
    """The conversion is someone else's by now: whatever was made here is thrown away."""


def convert_recordings(*, tools: Tools, limits: Limits) -> JobResult:
    """Run one lane. Raises TransientError or PermanentError when the run itself cannot go on; nothing is half done then.

    ``limits.batch_size`` is not a batch here: the lane ends after so many conversions.
    """
    tools.recordings.check()
    deadline = tools.clock.monotonic() + limits.run_seconds
    worked_at = tools.clock.monotonic()
    result = JobResult()
    while tools.clock.monotonic() < deadline and result.examined < limits.batch_size:
        claim = tools.store.claim(most_in_flight=tools.settings.most_in_flight, lease_seconds=tools.settings.lease_seconds)
        if claim is not None:
            with about(claim.key.company_id):
                result += work_on(claim, tools)
            worked_at = tools.clock.monotonic()
        elif tools.store.others_work() or tools.clock.monotonic() - worked_at < tools.settings.linger_seconds:
            tools.wait(IDLE_SECONDS)
        else:
            break
    left = tools.store.backlog()
    return result + JobResult(backlog=left.due, oldest_seconds=left.oldest_seconds)


def work_on(claim: Claim, tools: Tools) -> JobResult:
    """Take one conversion through steps 1 to 9."""
    with given_back(claim, tools):
        try:
            if claim.lost_leases >= lifecycle.MOST_LOST_LEASES:
                return write_down(claim, poison(claim), tools)
            return convert(claim, tools)
        except LeaseLost:
            log.warning("Conversion %d of session %s/%s is another worker's by now", claim.conversion_id, *claim.key)
            return JobResult(examined=1, skipped=1)
        except (BadItem, TransientError) as error:
            if error.error_class is ErrorClass.DB_CONNECTIVITY:
                raise
            return write_down(claim, Trouble(error_class=error.error_class, reason=error.reason, final=isinstance(error, BadItem)), tools)


@contextmanager
def given_back(claim: Claim, tools: Tools) -> Generator[None]:
    """A worker that is asked to stop, or breaks down alive, gives its conversion back; only one that is killed loses its lease."""
    ended = False
    try:
        yield
        ended = True
    finally:
        if not ended:
            with suppress(EconsentError):
                tools.store.give_back(claim)


def convert(claim: Claim, tools: Tools) -> JobResult:
    session = tools.store.load_session(claim.key)
    if session is None:
        raise BadItem(ErrorClass.DATA, "the session is gone")
    lifecycle.check_wanted(session)
    if (convertible_at := lifecycle.convertible_at(session)) > session.read_at:
        tools.store.postpone(claim, until=convertible_at)
        return JobResult(examined=1, skipped=1)
    files = tools.store.load_sealed(claim.key)
    if not tools.staging.is_whole(files):
        files = make(claim, session, tools)
    versions = tools.archive.store(files)
    complete(claim, files, versions, tools)
    log.info("Session %s/%s has its video, %d bytes: %s", *claim.key, files[0].size_bytes, files[0].object_key)
    return JobResult(examined=1, changed=1)


def make(claim: Claim, session: Session, tools: Tools) -> list[SealedFile]:
    """Steps 4 to 6."""
    with tools.studio.conversion(Heart(claim=claim, tools=tools).beat) as conversion:
        with tools.recordings.open(session) as stream:
            recording = conversion.read(stream)
        if session.recording_sha256 is None:
            close(claim, session, recording, tools)
        elif recording.sha256 != session.recording_sha256:
            raise BadItem(
                ErrorClass.INTEGRITY,
                f"the recording's bytes (sha256 {recording.sha256}) are not those of the closed session ({session.recording_sha256})",
            )
        rendered = conversion.render(recording, session)
        log.info(
            "Session %s/%s: %.1f s of video rendered in %.1f s, %.1f x real time",
            *claim.key,
            rendered.facts.duration_ms / 1000,
            (rendered.facts.render_ms + rendered.facts.encode_ms) / 1000,
            rendered.facts.duration_ms / max(1, rendered.facts.render_ms + rendered.facts.encode_ms),
        )
        files = tools.staging.stage(claim, session, rendered)
    with tools.store.transaction():
        tools.store.lock(claim.key)
        hold(claim, tools)
        tools.store.forget_sealed(claim.key)
        tools.store.seal(claim, files, rendered.facts)
    return files


def close(claim: Claim, session: Session, recording: Any, tools: Tools) -> None:
    """Close a session that has ended without a word. Raises TransientError when a chunk came after all."""
    with tools.store.transaction():
        tools.store.lock(claim.key)
        hold(claim, tools)
        if not tools.store.close_session(session, recording):
            raise TransientError(ErrorClass.DATA, "the session went on while its recording was read; it is tried again")


def complete(claim: Claim, files: Sequence[SealedFile], versions: Sequence[str], tools: Tools) -> None:
    """Step 8."""
    with tools.store.transaction():
        tools.store.lock(claim.key)
        hold(claim, tools)
        tools.store.complete(claim, files, versions, bucket=tools.archive.bucket)
        tools.store.mark_session(claim.key, "completed")
        tools.store.forget_sealed(claim.key)
        details = {"session_id": claim.key.session_id, "objects": {file.kind.value: file.sha256 for file in files}}
        tools.store.audit(claim, action="video.converted", details=details)
    tools.staging.clear(claim)


def write_down(claim: Claim, trouble: Trouble, tools: Tools) -> JobResult:
    """Step 9: one transaction. A transient trouble becomes final with the last attempt."""
    kept = False
    attempts = claim.attempts + 1
    if not trouble.final and attempts >= lifecycle.MOST_ATTEMPTS:
        trouble = replace(trouble, reason=f"{trouble.reason}; {lifecycle.MOST_ATTEMPTS} attempts failed", final=True)
    with tools.store.transaction():
        tools.store.lock(claim.key)
        if not tools.store.hold(claim):
            return JobResult(examined=1, skipped=1)
        if trouble.final:
            tools.store.fail(claim, trouble)
            tools.store.mark_session(claim.key, "failed")
            if not (kept := keeps_sealed(claim, trouble, tools)):
                tools.store.forget_sealed(claim.key)
            action = "video.integrity_failed" if trouble.error_class is ErrorClass.INTEGRITY else "video.failed"
            details = {"session_id": claim.key.session_id, "error_class": trouble.error_class.value, "reason": trouble.reason}
            tools.store.audit(claim, action=action, details=details)
        else:
            tools.store.back_off(claim, trouble, delay=lifecycle.retry_delay(attempts))
            tools.store.mark_session(claim.key, "processing")
    if trouble.final and not kept:
        tools.staging.clear(claim)
    log.warning("Session %s/%s %s: %s: %s", *claim.key, "has no video" if trouble.final else "waits", trouble.error_class, trouble.reason)
    return JobResult(examined=1, quarantined=int(trouble.final), failed=int(not trouble.final), causes={trouble.error_class: 1})


def keeps_sealed(claim: Claim, trouble: Trouble, tools: Tools) -> bool:
    """Whether a failed conversion keeps its finished files, for a person's retry to send.

    Some may be stored already, under locks that nobody can take away: made anew by other tools or under another policy, they would differ.
    """
    return trouble.error_class not in lifecycle.REFUSALS and bool(tools.store.load_sealed(claim.key))


def hold(claim: Claim, tools: Tools) -> None:
    """Raise LeaseLost unless the conversion is still ours."""
    if not tools.store.hold(claim):
        raise LeaseLost


def poison(claim: Claim) -> Trouble:
    reason = f"{claim.lost_leases} workers ended while this recording was in hand; it was taken out of the queue for a person to look at"
    return Trouble(error_class=ErrorClass.TIMEOUT, reason=reason, final=True)


@dataclass(slots=True, kw_only=True)
class Heart:
    """Holds the lease while a video is made, and tells how far it is."""

    claim: Claim
    tools: Tools
    beaten_at: float = field(default=float("-inf"))

    def beat(self, progress: Progress) -> None:
        """Raise LeaseLost when the conversion is someone else's by now."""
        now = self.tools.clock.monotonic()
        if now - self.beaten_at < self.tools.settings.heartbeat_seconds:
            return
        first, self.beaten_at = self.beaten_at < 0, now
        if not self.tools.store.beat(self.claim, lease_seconds=self.tools.settings.lease_seconds, percent=progress.percent):
            raise LeaseLost
        if not first:
            log.info(
                "Session %s/%s: %d %%, frame %d of %d, %.1f x real time",
                *self.claim.key,
                progress.percent,
                progress.done,
                progress.frames,
                progress.times_real_time,
            )
