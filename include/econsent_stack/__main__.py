"""``python -m econsent_stack``: what ``./econsent`` runs once ``.venv`` stands."""

import sys

from econsent_stack.cli import main

sys.exit(main(sys.argv[1:]))
