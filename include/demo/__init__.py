"""Synthetic tenants, visitors and traffic: what a fresh system shows, and what the tests build on. Nobody in here exists."""
