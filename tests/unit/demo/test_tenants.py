"""The three companies, and what they have set up."""

from demo.languages import CODES, language
from demo.tenants import TENANTS, tenant
from econsent_jobs.core.canonical_json import sha256_hex
from econsent_jobs.core.text import norm_text


def test_each_plan_and_each_way_of_retaining_once() -> None:
    assert [owner.plan for owner in TENANTS] == ["starter", "growth", "enterprise"]
    assert [owner.auto_retention for owner in TENANTS] == [None, "certificates", "all"]


def test_every_company_has_an_owner_and_sites_of_its_own() -> None:
    assert all([member.role for member in owner.members].count("owner") == 1 for owner in TENANTS)
    assert all(site.property_id.startswith(owner.company_id) for owner in TENANTS for site in owner.properties)
    assert len({(site.session_expiration, site.certificate_expiration) for o in TENANTS for site in o.properties}) == 5


def test_templates_have_an_active_and_an_archived_version_and_their_hash() -> None:
    for owner in TENANTS:
        assert sorted({template.status for template in owner.templates}) == ["active", "archived"]
        assert len({(template.template_id, template.version) for template in owner.templates}) == len(owner.templates)
        assert all(template.body_sha256 == sha256_hex(norm_text(template.body).encode()) for template in owner.templates)
        assert all(owner.name in template.body for template in owner.templates)


def test_every_documented_language_has_two_wordings() -> None:
    wordings = [text for code in CODES for text in (language(code).wording, language(code).old_wording)]

    assert len(set(wordings)) == 2 * len(CODES)
    assert all(text.count("{brand}") == 1 for text in wordings)
    assert {code for owner in TENANTS for code in owner.language_codes} == set(CODES)


def test_is_found_by_id() -> None:
    assert tenant("demo-02").plan == "growth"
