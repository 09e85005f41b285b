"""Elasticsearch 9 from published artefacts, without Docker, Maven or a system Java: 127.0.0.1 only.

``elasticsearch_jars`` brings the jars, ``elasticsearch_node`` runs them. It has no security module, so whoever may open a port of this
machine's loopback may read and change the index, as with any developer's Elasticsearch; nothing in it is kept nowhere else.
Elasticsearch is under AGPL-3.0, SSPL or the Elastic Licence 2.0, at the user's choice.
"""

import json
import os
import shutil
import sys
import urllib.request
from typing import Final

from econsent_stack import elasticsearch_jars, elasticsearch_node
from econsent_stack.server import Launch, Place, Server

HEAP: Final = "512m"
READY_SECONDS: Final = 2.0


class Elasticsearch(Server):
    name = "elasticsearch"
    port_names = ("http",)
    is_slow = True

    def version(self) -> str:
        elasticsearch_node.virtual_machine()
        return elasticsearch_jars.version()

    def launch(self, place: Place) -> Launch:
        self.version()
        elasticsearch_jars.jars()  # here, so that a download that fails is told to whoever starts the stack
        place.folder.mkdir(mode=0o700, exist_ok=True)
        shutil.rmtree(place.folder / "tmp", ignore_errors=True)
        for name in ("config", "data", "logs", "tmp"):
            (place.folder / name).mkdir(exist_ok=True)
        return Launch(
            command=[sys.executable, "-m", elasticsearch_node.__name__, str(place.folder), str(place.ports["http"]), HEAP],
            environment={"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "HOME": str(place.folder)},
            folder=place.folder,
        )

    def is_ready(self, place: Place) -> bool:
        try:
            for path in ("/", "/_cluster/health?wait_for_status=yellow&timeout=1s"):
                with urllib.request.urlopen(self.endpoint(place) + path, timeout=READY_SECONDS) as answer:  # noqa: S310 the scheme is always http
                    json.load(answer)
        except (OSError, ValueError):
            return False
        return True

    def variables(self, place: Place) -> dict[str, str]:
        connection = {"conn_type": "elasticsearch", "host": "127.0.0.1", "port": place.ports["http"], "schema": "http"}
        return {
            "AIRFLOW_CONN_ECONSENT_SEARCH": json.dumps(connection),
            "AIRFLOW_VAR_ECONSENT_SEARCH_ALIAS": "certificates",
            "AIRFLOW_VAR_ECONSENT_SEARCH_SHARDS": "1",
            "AIRFLOW_VAR_ECONSENT_SEARCH_REPLICAS": "0",  # there is one node
        }

    def endpoint(self, place: Place) -> str:
        return f"http://127.0.0.1:{place.ports['http']}"


SERVER: Final = Elasticsearch()
