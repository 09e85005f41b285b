"""What can be wrong, each with its name and its sentence. A finding never repeats a body, an answer or a secret."""

from typing import Final

from econsent_verify.findings import TroubleName


class Trouble(TroubleName):
    """The name of a difference; ``SENTENCES`` says what it means."""

    MISSING = "missing"
    UNEXPECTED = "unexpected"
    REPEATED = "repeated"
    COMPANY = "company"
    BODY = "body"
    FANNED_OUT = "fanned_out"
    STATE = "state"
    LEASE = "lease"
    NUMBERING = "numbering"
    OUTCOME = "outcome"
    SUMMARY = "summary"
    SCHEDULE = "schedule"
    BOUND = "bound"
    ADDRESS = "address"
    ENDPOINT = "endpoint"
    NOTICE = "notice"
    RECEIPT = "receipt"
    SIGNATURE = "signature"

    @property
    def sentence(self) -> str:
        return SENTENCES[self]


SENTENCES: Final = {
    Trouble.MISSING: "an endpoint that subscribed to this event has no delivery of it",
    Trouble.UNEXPECTED: "an endpoint that did not subscribe to this event has a delivery of it",
    Trouble.REPEATED: "an endpoint has more than one delivery of this event",
    Trouble.COMPANY: "event, endpoint and delivery do not belong to one company",
    Trouble.BODY: "the stored body is not a body of this event",
    Trouble.FANNED_OUT: "the event's fan-out does not fit its deliveries",
    Trouble.STATE: "the status does not follow from the attempts",
    Trouble.LEASE: "the lease does not fit the status",
    Trouble.NUMBERING: "the attempts are not numbered from 1 up to the count, but for what retention removed",
    Trouble.OUTCOME: "the outcome does not follow from the answer's status",
    Trouble.SUMMARY: "the delivery does not repeat what its last attempt says",
    Trouble.SCHEDULE: "the attempt comes earlier or later than the backoff allows",
    Trouble.BOUND: "a value is outside its bounds",
    Trouble.ADDRESS: "a connection was made to an address that is not public",
    Trouble.ENDPOINT: "the endpoint's columns do not fit each other or its attempts",
    Trouble.NOTICE: "the audit trail or the mail does not say once that the endpoint was disabled",
    Trouble.RECEIPT: "the receiver and the database do not say the same",
    Trouble.SIGNATURE: "the signature was not made by the endpoint's secret over the body",
}
