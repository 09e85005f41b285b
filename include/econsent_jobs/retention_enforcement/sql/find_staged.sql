-- Which of these staged files somebody still has to send: named absolutely or below the base.
SELECT sealed.staging_path
FROM econsent.sealed_files AS sealed
WHERE sealed.staging_path = any(%(paths)s)
ORDER BY sealed.staging_path
