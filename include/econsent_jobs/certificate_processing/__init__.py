"""Certificate processing: pending certificates become signed, attested and locked evidence."""

from econsent_jobs.certificate_processing.job import process_certificates

__all__ = ["process_certificates"]
