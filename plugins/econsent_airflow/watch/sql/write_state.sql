-- Where the watch is now.
INSERT INTO econsent.watch_state (name, position) VALUES (%(name)s, %(position)s)
ON CONFLICT (name) DO UPDATE SET position = excluded.position, changed_at = now()
