"""Where client libraries enter, one per file, and where their errors become this project's errors, once."""
