-- One row a bucket: a round begins at the first key and ends behind the last one, over as many nights as that takes.
SET LOCAL ROLE econsent_migrator;

CREATE TABLE econsent.orphan_rounds (
    bucket text PRIMARY KEY,
    after_key text NOT NULL,  -- the last key that was compared; empty: the next run begins a round
    began_at timestamptz NOT NULL,  -- this round, or the last one
    ended_at timestamptz  -- the last round that came to its end
);

GRANT SELECT, INSERT, UPDATE ON econsent.orphan_rounds TO econsent_retention_enforcement;
GRANT SELECT ON econsent.orphan_rounds TO econsent_verify, econsent_dashboard;
