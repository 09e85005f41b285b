-- Where the watch left off.
SELECT position FROM econsent.watch_state WHERE name = %(name)s
