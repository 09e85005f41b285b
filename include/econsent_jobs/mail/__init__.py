"""Mail that jobs wrote into ``econsent.mail_outbox`` in their own transactions, sent at least once, each time under the same Message-ID."""

from econsent_jobs.mail.send import send_due_mail

__all__ = ["send_due_mail"]
