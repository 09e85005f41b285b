"""Step 9: links with which a partner may claim a certificate end after 90 days, unless a hold covers the certificate."""

from econsent_jobs.core.results import JobResult
from econsent_jobs.retention_enforcement.store import AuditEntry
from econsent_jobs.retention_enforcement.turn import Turn, count


def claim_tokens(turn: Turn) -> JobResult:
    store, result, after = turn.tools.store, JobResult(), ""
    while turn.in_time():
        with store.transaction():
            more = {"company_id": turn.company_id, "now": turn.now, "after": after, "batch_size": turn.batch_size}
            rows = sorted(store.rows("expire_claim_tokens", **more), key=lambda row: row["token_sha256"])
            ended = [row for row in rows if not row["is_held"]]
            turn.audit(
                [
                    AuditEntry(
                        action="certificate.claim_expired",
                        category="certificates",
                        details={"certificate_pk": row["certificate_pk"]},
                        dedupe_key=f"claim_token:{row['token_sha256']}:expired",
                    )
                    for row in ended
                ]
            )
        turn.note("expire link", objects=len(ended))
        result += count(changed=len(ended), skipped=len(rows) - len(ended))
        if len(rows) < turn.batch_size:
            break
        after = rows[-1]["token_sha256"]
    return result
