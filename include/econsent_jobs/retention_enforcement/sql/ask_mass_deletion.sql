-- One question a company and day; a later run of the day brings the numbers up to date while nobody has answered.
INSERT INTO econsent.mass_deletions AS asked (company_id, day, run_id, selected, gone_today, whole, sentence)
VALUES (%(company_id)s, (%(now)s AT TIME ZONE 'UTC')::date, %(run_id)s, %(selected)s, %(gone_today)s, %(whole)s, %(sentence)s)
ON CONFLICT (company_id, day) DO UPDATE
    SET
        run_id = excluded.run_id,
        selected = excluded.selected,
        gone_today = excluded.gone_today,
        whole = excluded.whole,
        sentence = excluded.sentence
    WHERE asked.decision IS NULL
RETURNING asked.company_id
