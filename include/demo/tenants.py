"""The three companies that a fresh system shows, one a plan, with what belongs to them before the first visitor comes."""

from dataclasses import dataclass
from typing import Final, Literal

from demo.languages import CODES, language
from econsent_jobs.core.canonical_json import sha256_hex
from econsent_jobs.core.text import norm_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Somebody who may log in for a company."""

    email: str
    role: Literal["owner", "admin", "member"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """A web site. The expirations are calendar intervals as PostgreSQL reads them."""

    property_id: str
    name: str
    origin: str
    session_expiration: str
    certificate_expiration: str

    @property
    def domain(self) -> str:
        return self.origin.removeprefix("https://")


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One version of a registered consent text."""

    template_id: str
    version: str
    name: str
    body: str
    status: Literal["active", "archived"]

    @property
    def body_sha256(self) -> str:
        """SHA-256 of the normalised text, which is what a capture's disclosure is looked up by."""
        return sha256_hex(norm_text(self.body).encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """A company with everything it has set up. ``auto_retention`` None means that it is switched off."""

    company_id: str
    name: str
    plan: Literal["starter", "growth", "enterprise"]
    auto_retention: Literal["all", "certificates"] | None
    object_lock_years: int
    members: tuple[Member, ...]
    properties: tuple[Property, ...]
    language_codes: tuple[str, ...]
    partners: tuple[str, ...]

    @property
    def templates(self) -> tuple[Template, ...]:
        """For each language an archived first version and an active second one."""
        return tuple(
            template
            for code in self.language_codes
            for template in (
                make_template(code, "1", body=self.old_wording(code), status="archived"),
                make_template(code, "2", body=self.wording(code), status="active"),
            )
        )

    def wording(self, code: str) -> str:
        """The registered consent text of today in this language."""
        return language(code).wording.format(brand=self.name)

    def old_wording(self, code: str) -> str:
        """The registered consent text before today's."""
        return language(code).old_wording.format(brand=self.name)


def make_template(code: str, version: str, *, body: str, status: Literal["active", "archived"]) -> Template:
    return Template(template_id=f"consent-{code}", version=version, name=f"Call and text consent ({code})", body=body, status=status)


TENANTS: Final = (
    Tenant(
        company_id="demo-01",
        name="Example Solar Savings",
        plan="starter",
        auto_retention=None,
        object_lock_years=7,
        members=(Member(email="owner@solar.example.com", role="owner"), Member(email="reader@solar.example.com", role="member")),
        properties=(
            Property(
                property_id="demo-01-quote",
                name="Solar quotes",
                origin="https://solar.example.com",
                session_expiration="90 days",
                certificate_expiration="5 years",
            ),
        ),
        language_codes=("en", "es"),
        partners=("Sample Roofing Partners",),
    ),
    Tenant(
        company_id="demo-02",
        name="Example Insurance Quotes",
        plan="growth",
        auto_retention="certificates",
        object_lock_years=5,
        members=(
            Member(email="owner@quotes.example.net", role="owner"),
            Member(email="admin@quotes.example.net", role="admin"),
            Member(email="reader@quotes.example.net", role="member"),
        ),
        properties=(
            Property(
                property_id="demo-02-auto",
                name="Car insurance",
                origin="https://auto.example.net",
                session_expiration="30 days",
                certificate_expiration="3 years",
            ),
            Property(
                property_id="demo-02-home",
                name="Home insurance",
                origin="https://home.example.net",
                session_expiration="60 days",
                certificate_expiration="5 years",
            ),
        ),
        language_codes=("en", "es", "fr", "pt", "de", "it"),
        partners=("Sample Mutual", "Placeholder Assurance Ltd", "Fictional Brokers & Sons"),
    ),
    Tenant(
        company_id="demo-03",
        name="Example Home Services",
        plan="enterprise",
        auto_retention="all",
        object_lock_years=7,
        members=(
            Member(email="owner@homes.example.org", role="owner"),
            Member(email="admin@homes.example.org", role="admin"),
            Member(email="second.admin@homes.example.org", role="admin"),
            Member(email="reader@homes.example.org", role="member"),
        ),
        properties=(
            Property(
                property_id="demo-03-roof",
                name="Roof repair",
                origin="https://roof.example.org",
                session_expiration="1 year",
                certificate_expiration="5 years",
            ),
            Property(
                property_id="demo-03-windows",
                name="Windows",
                origin="https://windows.example.org",
                session_expiration="180 days",
                certificate_expiration="18 months",
            ),
        ),
        language_codes=CODES,
        partners=("Sample Builders", "Placeholder Glass Co.", "Muster & Söhne", "示例合作伙伴"),
    ),
)


def tenant(company_id: str) -> Tenant:
    """Return the demo company with this id. Raises KeyError for any other."""
    return {known.company_id: known for known in TENANTS}[company_id]
