"""A visit to a tenant's page, made up whole: the session, its recording, the page, and a pending certificate for each submission.

Nothing here touches a database or a disk. The same seed, number and time give the same visit to the byte.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final, Literal

from demo.captures import LOOKS, VIEWPORTS, Look, build_capture, sessionless_capture
from demo.languages import Language, language
from demo.pages import page_html
from demo.people import Person, make_person
from demo.recordings import NAMES, Name, Recording, Story, derive, encode, recording
from demo.staging import StagedFile
from demo.tenants import Property, Tenant
from econsent_jobs.core.canonical_json import sha256_hex
from econsent_jobs.core.identifiers import path_below

BETWEEN_SUBMISSIONS: Final = timedelta(milliseconds=2_400)
GEO: Final = {"country": "US", "region": "TX", "city": "Exampleville"}

SessionlessSource = Literal["meta", "sms", "voice"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """A row of econsent.sessions; its expiry is left to the property's setting. Times are aware UTC, whole milliseconds."""

    company_id: str
    session_id: str
    property_id: str
    started_at: datetime
    last_chunk_at: datetime | None
    closed_at: datetime | None
    page_url: str
    origin: str
    ip: str
    user_agent: str
    browser_language: str
    geo: Mapping[str, str]
    recording_path: str | None
    recording_bytes: int | None
    recording_events: int | None
    recording_sha256: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateRow:
    """A row of econsent.certificates as the platform inserts it.

    ``capture`` is JSON text, because hostile ones fit into no Python object.
    """

    company_id: str
    property_id: str
    session_id: str | None
    source_ref: str | None
    source: Literal["session", "meta", "sms", "voice"]
    submission_no: int
    status: str
    consent_at: datetime
    capture: str
    dom_staging_path: str | None
    consumer_phone: str | None
    consumer_email: str | None
    consumer_name: str | None
    ip: str | None
    user_agent: str | None
    browser_language: str | None
    geo: Mapping[str, str] | None
    origin: str | None
    domain: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What one visitor leaves behind. ``recording`` and ``pages`` are still to be written to the share below ``efs_base``."""

    efs_base: Path
    session: SessionRow
    certificates: tuple[CertificateRow, ...]
    recording: StagedFile | None
    pages: tuple[StagedFile, ...]

    @property
    def files(self) -> tuple[StagedFile, ...]:
        return self.pages if self.recording is None else (self.recording, *self.pages)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Who visits which page, and how it looks: what session, recording, page and certificates have in common."""

    tenant: Tenant
    site: Property
    written: Language
    html_lang: str
    person: Person
    look: Look
    disclosure: str
    session_id: str
    viewport: tuple[int, int]

    @property
    def page_url(self) -> str:
        return f"{self.site.origin}/quote?visit={self.session_id}"


def make_visit(
    tenant: Tenant,
    *,
    efs_base: Path,
    seed: int,
    number: int,
    ended_at: datetime,
    label: str = "s",
    closed: bool = True,
    source: Name | None = None,
    submissions: int | None = None,
) -> Visit:
    """Make up visit ``number`` of a tenant, whose last event lies at ``ended_at``.

    An open visit (``closed`` false) has no end yet and no hash. ``source`` is the recording to derive from, ``submissions`` the
    number of certificates; both are drawn where they are not given. ``label`` keeps the ids of several series apart.
    """
    random = Random(f"{seed}/{tenant.company_id}/{label}/{number}")
    scene = make_scene(random, tenant, session_id=f"{tenant.company_id}-{label}{number:04d}")
    original = recording(source or random.choices(NAMES, weights=(6, 3, 1))[0])
    started_at = ended_at - timedelta(milliseconds=original.duration_ms)
    contents = tell(original, scene, started_at=started_at, closed=closed)
    path = path_below(efs_base, tenant.company_id, scene.site.property_id, scene.session_id, suffix=".json")
    session = SessionRow(
        company_id=tenant.company_id,
        session_id=scene.session_id,
        property_id=scene.site.property_id,
        started_at=started_at,
        last_chunk_at=ended_at,
        closed_at=ended_at if closed else None,
        page_url=scene.page_url,
        origin=scene.site.origin,
        ip=scene.person.ip,
        user_agent=scene.person.user_agent,
        browser_language=scene.person.browser_language,
        geo=GEO,
        recording_path=str(path),
        recording_bytes=len(contents),
        recording_events=len(original.events) - (0 if closed else 1),
        recording_sha256=sha256_hex(contents) if closed else None,
        created_at=started_at,
    )
    submitted_at = started_at + timedelta(milliseconds=original.submitted_ms)
    count = random.choices((1, 2), weights=(9, 1))[0] if submissions is None else submissions
    submitted = [
        submit(random, scene, efs_base=efs_base, submission_no=no, submitted_at=submitted_at + BETWEEN_SUBMISSIONS * (no - 1))
        for no in range(1, count + 1)
    ]
    return Visit(
        efs_base=efs_base,
        session=session,
        certificates=tuple(certificate for certificate, _ in submitted),
        recording=StagedFile(path=path, contents=contents),
        pages=tuple(page for _, page in submitted),
    )


def make_scene(random: Random, tenant: Tenant, *, session_id: str) -> Scene:
    """Draw page, language, visitor and look. Of ten consent texts six are registered as they stand, one in an older version."""
    written = language(random.choice(tenant.language_codes))
    disclosure = random.choices(
        (
            tenant.wording(written.code),
            tenant.old_wording(written.code),
            f"{tenant.wording(written.code)} (#{random.randrange(1000, 10000)})",
        ),
        weights=(6, 1, 3),
    )[0]
    return Scene(
        tenant=tenant,
        site=random.choice(tenant.properties),
        written=written,
        html_lang=written.code if random.random() < 0.9 else "en",
        person=make_person(random, written),
        look=random.choice(LOOKS),
        disclosure=disclosure,
        session_id=session_id,
        viewport=random.choice(VIEWPORTS),
    )


def tell(original: Recording, scene: Scene, *, started_at: datetime, closed: bool) -> bytes:
    """Return the bytes of the visit's recording; an open visit's lacks the closing event."""
    story = Story(
        started_ms=round(started_at.timestamp() * 1000),
        href=scene.page_url,
        language_code=scene.html_lang,
        seller=scene.tenant.name,
        disclosure=scene.disclosure,
        disclosure_css=scene.look.css,
        typed={
            "fn": scene.person.given_name,
            "ln": scene.person.surname,
            "em": scene.person.email,
            "ph": scene.person.typed_phone,
            "st": scene.person.state,
        },
    )
    events = list(derive(original, story))
    return b"".join(encode(events if closed else events[:-1]))


def submit(
    random: Random, scene: Scene, *, efs_base: Path, submission_no: int, submitted_at: datetime
) -> tuple[CertificateRow, StagedFile]:
    """Return the pending certificate of one submission and the page as it stood then."""
    capture = build_capture(
        random,
        html_lang=scene.html_lang,
        look=scene.look,
        person=scene.person,
        disclosure=scene.disclosure,
        partners=scene.tenant.partners[: random.randrange(len(scene.tenant.partners) + 1)],
        submitted_at=submitted_at,
        viewport=scene.viewport,
    )
    name = f"{scene.session_id}-page-{submission_no}"
    page = StagedFile(
        path=path_below(efs_base, scene.tenant.company_id, scene.site.property_id, name, suffix=".html"),
        contents=page_html(capture, title=scene.tenant.name, css=scene.look.css),
    )
    return CertificateRow(
        company_id=scene.tenant.company_id,
        property_id=scene.site.property_id,
        session_id=scene.session_id,
        source_ref=None,
        source="session",
        submission_no=submission_no,
        status="pending",
        consent_at=submitted_at,
        capture=capture_text(capture),
        dom_staging_path=str(page.path),
        consumer_phone=scene.person.phone,
        consumer_email=scene.person.email,
        consumer_name=scene.person.name,
        ip=scene.person.ip,
        user_agent=scene.person.user_agent,
        browser_language=scene.person.browser_language,
        geo=GEO,
        origin=scene.site.origin,
        domain=scene.site.domain,
        created_at=submitted_at,
    ), page


def make_sessionless(
    tenant: Tenant, source: SessionlessSource, *, seed: int, number: int, consent_at: datetime, label: str = "s"
) -> CertificateRow:
    """Make up a consent that came as a lead form (meta), a text message (sms) or a call (voice), so without session or page."""
    random = Random(f"{seed}/{tenant.company_id}/{source}/{label}/{number}")
    written = language(random.choice(tenant.language_codes))
    person = make_person(random, written)
    text = {
        "meta": tenant.wording(written.code),
        "sms": f"{tenant.name}: reply YES to agree to calls and texts. Consumer replied: YES",
        "voice": f"Agent: May {tenant.name} call and text you about your request? Consumer: Yes, that is fine.",
    }[source]
    form = {"phone": person.phone, "name": person.name} | ({"email": person.email} if source == "meta" else {})
    kind = {"meta": "CALL", "sms": "TEXT", "voice": "PRERECORDED"}[source]
    return CertificateRow(
        company_id=tenant.company_id,
        property_id=random.choice(tenant.properties).property_id,
        session_id=None,
        source_ref=f"{tenant.company_id}-{label}{number:04d}",
        source=source,
        submission_no=1,
        status="pending",
        consent_at=consent_at,
        capture=capture_text(sessionless_capture(text=text, form=form, kind=kind, submitted_at=consent_at)),
        dom_staging_path=None,
        consumer_phone=person.phone,
        consumer_email=form.get("email"),
        consumer_name=person.name,
        ip=None,
        user_agent=None,
        browser_language=None,
        geo=None,
        origin=None,
        domain=None,
        created_at=consent_at,
    )


def capture_text(capture: Mapping[str, Any]) -> str:
    """Return a capture as the JSON text that is inserted."""
    return json.dumps(capture, ensure_ascii=False, separators=(",", ":"))
