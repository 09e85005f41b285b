"""How Airflow runs eConsent's jobs: operators, connections, retries and alerts."""
