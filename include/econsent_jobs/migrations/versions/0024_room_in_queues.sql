-- Each row is inserted, leased and deleted. A leased row is longer by its token and time: at 50, a quarter of them found no room.
SET LOCAL ROLE econsent_migrator;

ALTER TABLE econsent.search_outbox SET (fillfactor = 40);

ALTER TABLE econsent.certificate_queue SET (fillfactor = 40);
