"""What a night will do: the night itself, company by company, with its writes rolled back and its stores only read.

So a run without changes in between does exactly what its plan says: it is the same code on the same rows.
"""

from econsent_jobs.core.limits import Limits
from econsent_jobs.retention_enforcement.job import COMPANY_STEPS, begin
from econsent_jobs.retention_enforcement.tools import Tally, Tools


def plan(tools: Tools, *, limits: Limits, company_id: str | None = None) -> Tally:
    """Return what each step would do for each company. The tools have to be dry ones. Locks on rows last for one company's turn."""
    assert tools.settings.dry, "a plan works with tools that do nothing"
    deadline = tools.clock.monotonic() + limits.run_seconds
    first = begin("auto_retain", tools, limits, deadline=deadline)
    for company in first.companies(company_id):
        with tools.store.transaction(roll_back=True):
            for step, take in COMPANY_STEPS.items():
                take(begin(step, tools, limits, deadline=deadline).turn(company))
    return tools.tally
