-- Who may log in for a company.
INSERT INTO econsent.memberships (company_id, email, role)
VALUES (%(company_id)s, %(email)s, %(role)s)
