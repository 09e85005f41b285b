"""What can be wrong, each with its name and its sentence. A finding never repeats a body, an answer or a secret."""

from econsent_verify.findings import TroubleName


class Trouble(TroubleName):
    """What a difference is called, and what that means."""

    MISSING = "missing", "an endpoint that subscribed to this event has no delivery of it"
    UNEXPECTED = "unexpected", "an endpoint that did not subscribe to this event has a delivery of it"
    REPEATED = "repeated", "an endpoint has more than one delivery of this event"
    COMPANY = "company", "event, endpoint and delivery do not belong to one company"
    BODY = "body", "the stored body is not a body of this event"
    FANNED_OUT = "fanned_out", "the event's fan-out does not fit its deliveries"
    STATE = "state", "the status does not follow from the attempts"
    LEASE = "lease", "the lease does not fit the status"
    NUMBERING = "numbering", "the attempts are not numbered from 1 up to the count, but for what retention removed"
    OUTCOME = "outcome", "the outcome does not follow from the answer's status"
    SUMMARY = "summary", "the delivery does not repeat what its last attempt says"
    SCHEDULE = "schedule", "the attempt comes earlier or later than the backoff allows"
    BOUND = "bound", "a value is outside its bounds"
    ADDRESS = "address", "a connection was made to an address that is not public"
    ENDPOINT = "endpoint", "the endpoint's columns do not fit each other or its attempts"
    NOTICE = "notice", "the audit trail or the mail does not say once that the endpoint was disabled"
    RECEIPT = "receipt", "the receiver and the database do not say the same"
    SIGNATURE = "signature", "the signature was not made by the endpoint's secret over the body"
