"""What can be wrong, each with its name and its sentence. A finding never repeats personal data or a key."""

from typing import Final

from econsent_verify.findings import TroubleName


class Trouble(TroubleName):
    """The name of a difference; ``SENTENCES`` says what it means."""

    OBJECT_MISSING = "object_missing"
    BYTES = "bytes"
    MALFORMED = "malformed"
    DERIVED = "derived"
    SIGNATURE = "signature"
    UNKNOWN_KEY = "unknown_key"
    COLUMN = "column"
    ROW_MISSING = "row_missing"
    ROW_UNEXPECTED = "row_unexpected"
    VERSIONS = "versions"
    DELETE_MARKER = "delete_marker"
    LOCK = "lock"
    STORED_AS = "stored_as"
    EVENT = "event"
    AUDIT = "audit"
    SEARCH = "search"
    LEFT_OVER = "left_over"
    QUEUE = "queue"
    USAGE = "usage"
    STATE = "state"
    ORPHAN = "orphan"

    @property
    def sentence(self) -> str:
        return SENTENCES[self]


SENTENCES: Final = {
    Trouble.OBJECT_MISSING: "the archive does not hold this version of the object",
    Trouble.BYTES: "the object's bytes are not those that were recorded",
    Trouble.MALFORMED: "the document does not have the form that it must have",
    Trouble.DERIVED: "a value of the document does not follow from the rest of it",
    Trouble.SIGNATURE: "the signature was not made by the named key over this document",
    Trouble.UNKNOWN_KEY: "the signing key is neither the current nor a retired one",
    Trouble.COLUMN: "a column differs from what was signed and stored",
    Trouble.ROW_MISSING: "a row that has to be there is missing",
    Trouble.ROW_UNEXPECTED: "a row is there that must not be",
    Trouble.VERSIONS: "the key does not have exactly the one recorded version",
    Trouble.DELETE_MARKER: "a delete marker hides the object",
    Trouble.LOCK: "the Object Lock is not what it must be",
    Trouble.STORED_AS: "checksum, metadata or type in the archive differ",
    Trouble.EVENT: "a webhook event is missing, twice there, or says something else",
    Trouble.AUDIT: "the audit trail does not hold exactly the one entry",
    Trouble.SEARCH: "the search index is not asked for this version",
    Trouble.LEFT_OVER: "the queue or sealed documents still hold what is done",
    Trouble.QUEUE: "it waits, and no queue row will ever wake it",
    Trouble.USAGE: "the session's retention and its unit of usage do not fit",
    Trouble.STATE: "the status does not fit what is there",
    Trouble.ORPHAN: "no storage row names this object",
}
