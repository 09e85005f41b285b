-- Seal what no running transaction can still come before; returns how many entries.
SELECT econsent.seal_audit(%(everything)s, %(most)s) AS sealed
