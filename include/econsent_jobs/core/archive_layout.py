"""Where things lie: in the archive one prefix a session, so that recording and video lie alongside the certificate."""

from datetime import datetime
from typing import Final

from econsent_jobs.core.canonical_json import timestamp_text
from econsent_jobs.core.identifiers import path_segment

STAGED_RECORDINGS: Final = ".staging"  # in each company's folder of the shared file system: on their way to the archive
STAGED_VIDEOS: Final = "+videos"  # beside the companies' folders: in those a plus is written %2B


def session_prefix(company_id: str, property_id: str, *, day: datetime, reference: str) -> str:
    """Return ``{company}/{property}/{yyyy}/{mm}/{dd}/{reference}``, the day in UTC: of the session's start, else of the consent.

    ``reference``: the session's id, or ``{source}-{source_ref}`` where there is none. Raises BadItem (data) for an id that names no key.
    """
    named = [path_segment(company_id), path_segment(property_id), *timestamp_text(day)[:10].split("-"), path_segment(reference)]
    return "/".join(named)
