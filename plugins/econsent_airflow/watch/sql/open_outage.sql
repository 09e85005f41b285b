-- A component has been silent since its last heartbeat.
INSERT INTO econsent.component_outages (component, stopped_at) VALUES (%(component)s, %(stopped_at)s) ON CONFLICT DO NOTHING
