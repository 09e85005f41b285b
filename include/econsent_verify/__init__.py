"""Verifiers: they prove the stored state from outside, and share no code with the jobs that wrote it."""
