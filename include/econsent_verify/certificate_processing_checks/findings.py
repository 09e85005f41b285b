"""What can be wrong, each with its name and its sentence. A finding never repeats personal data or a key."""

from econsent_verify.findings import TroubleName


class Trouble(TroubleName):
    """What a difference is called, and what that means."""

    OBJECT_MISSING = "object_missing", "the archive does not hold this version of the object"
    BYTES = "bytes", "the object's bytes are not those that were recorded"
    MALFORMED = "malformed", "the document does not have the form that it must have"
    DERIVED = "derived", "a value of the document does not follow from the rest of it"
    SIGNATURE = "signature", "the signature was not made by the named key over this document"
    UNKNOWN_KEY = "unknown_key", "the signing key is neither the current nor a retired one"
    COLUMN = "column", "a column differs from what was signed and stored"
    ROW_MISSING = "row_missing", "a row that has to be there is missing"
    ROW_UNEXPECTED = "row_unexpected", "a row is there that must not be"
    VERSIONS = "versions", "the key does not have exactly the one recorded version"
    DELETE_MARKER = "delete_marker", "a delete marker hides the object"
    LOCK = "lock", "the Object Lock is not what it must be"
    STORED_AS = "stored_as", "checksum, metadata or type in the archive differ"
    EVENT = "event", "a webhook event is missing, twice there, or says something else"
    AUDIT = "audit", "the audit trail does not hold exactly the one entry"
    SEARCH = "search", "the search index is not asked for this version"
    LEFT_OVER = "left_over", "the queue or sealed documents still hold what is done"
    QUEUE = "queue", "it waits, and no queue row will ever wake it"
    USAGE = "usage", "the session's retention and its unit of usage do not fit"
    STATE = "state", "the status does not fit what is there"
    ORPHAN = "orphan", "no storage row names this object"
