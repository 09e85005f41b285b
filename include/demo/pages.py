"""The page as the tracker kept it at a submission: plain HTML with the tagged consent elements and what had been typed."""

from collections.abc import Mapping
from html import escape
from typing import Any


def page_html(capture: Mapping[str, Any], *, title: str, css: str) -> bytes:
    """Return the DOM snapshot that belongs to a capture, UTF-8. ``css`` is the disclosure's inline style."""
    form = "\n".join(
        f'    <label>{escape(name)} <input name="{escape(name)}" value="{escape(value)}"></label>'
        for name, value in capture["form"].items()
    )
    consents = "\n".join(f"    {consent_html(record)}" for record in capture["consents"])
    partners = "\n".join(f'      <li class="partner">{escape(partner)}</li>' for partner in capture["partners"])
    text = f"""<!DOCTYPE html>
<html lang="{escape(capture["htmlLang"] or "")}">
<head><meta charset="utf-8"><title>{escape(title)}</title></head>
<body>
  <header><h1>{escape(title)}</h1></header>
  <form id="f">
{form}
{consents}
    <div class="consent"><span style="{escape(css)}">{escape(capture["disclosure"]["text"])}</span></div>
    <ul>
{partners}
    </ul>
    <button id="go" type="submit">Get my quote</button>
  </form>
</body>
</html>
"""
    return text.encode()


def consent_html(record: Mapping[str, Any]) -> str:
    """One tagged element; only an explicit one has a box to tick."""
    tags = f'data-consent-id="{escape(record["id"])}" data-consent-type="{escape(record["category"])}"'
    hidden = "" if record["visible"] else " hidden"
    if record["checked"] is None:
        return f"<p {tags}{hidden}>{escape(record['value'])}</p>"
    ticked = " checked" if record["checked"] else ""
    return f'<label {tags}{hidden}><input type="checkbox"{ticked}>{escape(record["value"])}</label>'
