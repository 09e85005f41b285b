-- The sender of mail reads the whole outbox and writes what became of each; what it gave up leaves the queue.
SET LOCAL ROLE econsent_migrator;

ALTER TABLE econsent.mail_outbox ADD COLUMN failed_at timestamptz;  -- given up: last_error says why

DROP INDEX econsent.mail_outbox_next_attempt_at_idx;
CREATE INDEX mail_outbox_due ON econsent.mail_outbox (next_attempt_at) WHERE sent_at IS NULL AND failed_at IS NULL;

RESET ROLE;

SELECT econsent.ensure_role('econsent_mail', '15s');

SET LOCAL ROLE econsent_migrator;

GRANT SELECT ON econsent.mail_outbox TO econsent_mail;
GRANT UPDATE (attempts, next_attempt_at, lease_token, leased_until, last_error, sent_at, failed_at)
ON econsent.mail_outbox TO econsent_mail;

SET LOCAL ROLE econsent_migrator;  -- whoever comes next owns what it makes
