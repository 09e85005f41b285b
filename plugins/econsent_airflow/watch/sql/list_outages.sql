-- Silences of components that last, and those of the last days, for the rule.
SELECT component, stopped_at, back_at FROM econsent.component_outages WHERE back_at IS NULL OR back_at > now() - interval '8 days'
