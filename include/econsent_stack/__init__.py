"""The embedded servers, the supervisor behind ./econsent up, and the project's commands. No job imports any of it."""
