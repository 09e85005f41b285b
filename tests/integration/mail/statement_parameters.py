"""Rows and parameters with which each statement of the sending of mail finds something to do."""

import uuid
from datetime import timedelta
from typing import Any

import psycopg


def statement_parameters(database: psycopg.Connection[Any], company_id: str) -> dict[str, dict[str, Any]]:
    """Put a due mail and a leased one of ``company_id`` into the outbox."""
    token = uuid.uuid4()
    database.execute(
        """
            INSERT INTO econsent.mail_outbox (message_id, company_id, recipients, subject, body, lease_token, leased_until)
            VALUES ('due', %(company_id)s, '{a@example.com}', 's', 'b', NULL, NULL),
                ('leased', %(company_id)s, '{a@example.com}', 's', 'b', %(token)s, now() + interval '1 hour')
            """,
        {"company_id": company_id, "token": token},
    )
    return {
        "claim_due_mail": {"lease_token": token, "lease_seconds": 60.0, "most": 1},
        "close_mail": {"message_id": "leased", "lease_token": token, "outcome": "waits", "delay": timedelta(minutes=1), "error": "why"},
    }
