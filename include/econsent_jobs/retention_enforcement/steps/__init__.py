"""The eleven steps of a night, and what follows them; each is run for one company after the other."""
