"""One module a server; each holds its description, named SERVER, and is found by listing this folder."""
