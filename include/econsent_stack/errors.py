"""What the stack tells people."""


class StackError(Exception):
    """Something that a person can mend. The message is one sentence that says what to do next; the command line prints it as it is."""
