"""A payment provider for one machine: charges are rows of a file, and it can be told to misbehave like a real one on a bad day.

``POST /v1/charges`` charges once for one Idempotency-Key. ``GET /v1/charges`` lists what was charged: the truth about double charges.
``POST /v1/refunds`` gives back. ``POST /v1/faults {"plan": [word, …]}`` says what the next charges meet, one word each:

ok; error (500, nothing charged); timeout (charged, and no answer until the caller gives up); drop (charged, and the connection ends); late
(no answer, and charged before the next call is looked at); twice (answered twice on one connection); decline; forget (all idempotency
keys forgotten first); wrong_amount and wrong_currency (charged as asked, answered otherwise).
"""

import argparse
import hmac
import json
import sqlite3
import sys
import threading
from datetime import UTC, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

FAULTS: Final = ("ok", "error", "timeout", "drop", "late", "twice", "decline", "forget", "wrong_amount", "wrong_currency")
UNANSWERED: Final = ("timeout", "drop", "late")
TABLES: Final = """
CREATE TABLE IF NOT EXISTS charges (number INTEGER PRIMARY KEY AUTOINCREMENT, document TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS keys (idempotency_key TEXT PRIMARY KEY, reference TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS plan (number INTEGER PRIMARY KEY AUTOINCREMENT, word TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS late (number INTEGER PRIMARY KEY AUTOINCREMENT, idempotency_key TEXT NOT NULL, document TEXT NOT NULL);
"""
Document = dict[str, Any]


class Book:
    """The charges, in one file that outlives the server. One request at a time."""

    def __init__(self, state: Path) -> None:
        self._file = sqlite3.connect(state, check_same_thread=False, isolation_level=None)
        self._file.executescript(TABLES)
        self.lock = threading.Lock()

    def plan(self, words: list[str]) -> None:
        self._file.executemany("INSERT INTO plan (word) VALUES (?)", [(word,) for word in words])

    def next_fault(self) -> str:
        row = self._file.execute("SELECT number, word FROM plan ORDER BY number LIMIT 1").fetchone()
        if row is None:
            return "ok"
        self._file.execute("DELETE FROM plan WHERE number = ?", (row[0],))
        return row[1]

    def land_late_charges(self) -> None:
        for number, key, document in self._file.execute("SELECT number, idempotency_key, document FROM late ORDER BY number").fetchall():
            self.charge(key, json.loads(document), status="succeeded")
            self._file.execute("DELETE FROM late WHERE number = ?", (number,))

    def postpone(self, key: str, asked: Document) -> None:
        self._file.execute("INSERT INTO late (idempotency_key, document) VALUES (?, ?)", (key, json.dumps(asked)))

    def forget(self) -> None:
        self._file.execute("DELETE FROM keys")

    def charge(self, key: str, asked: Document, *, status: str) -> Document | None:
        """Charge, or answer what this key was charged before; None where the key was used for something else."""
        row = self._file.execute("SELECT reference FROM keys WHERE idempotency_key = ?", (key,)).fetchone()
        if row is not None:
            known = self.find(row[0])
            same = all(known[name] == asked[name] for name in ("payment_id", "company_id", "amount", "currency"))
            return known if same else None
        number = self._file.execute("SELECT coalesce(max(number), 0) + 1 FROM charges").fetchone()[0]
        no_refunds: list[Document] = []
        document: Document = {
            **{name: asked[name] for name in ("payment_id", "company_id", "amount", "currency")},
            "reference": f"ch_{number:06d}",
            "status": status,
            "failure_reason": None if status == "succeeded" else "the card was declined",
            "refunds": no_refunds,
        }
        self._file.execute("INSERT INTO charges (document) VALUES (?)", (json.dumps(document),))
        self._file.execute("INSERT INTO keys VALUES (?, ?)", (key, document["reference"]))
        return document

    def find(self, reference: str) -> Document:
        return next(document for document in self.charges() if document["reference"] == reference)

    def charges(self, payment_id: str | None = None) -> list[Document]:
        found = [json.loads(text) for (text,) in self._file.execute("SELECT document FROM charges ORDER BY number")]
        return [document for document in found if payment_id is None or document["payment_id"] == payment_id]

    def refund(self, reference: str, amount: str, kind: str) -> Document:
        document = self.find(reference)
        number = len(document["refunds"]) + 1
        back = {"reference": f"{reference}_re{number}", "kind": kind, "amount": amount, "created_at": datetime.now(UTC).isoformat()}
        document["refunds"].append(back)
        self._file.execute(
            "UPDATE charges SET document = ? WHERE json_extract(document, '$.reference') = ?", (json.dumps(document), reference)
        )
        return document


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    book: Book
    token: str

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        if address.path == "/health":
            return self.answer(200, {"status": "ok"})
        if not self.is_known():
            return self.answer(401, {"error": "unknown token"})
        if address.path != "/v1/charges":
            return self.answer(404, {"error": "no such page"})
        with self.book.lock:
            self.book.land_late_charges()
            payment_id = parse_qs(address.query).get("payment_id", [None])[0]
            charges = self.book.charges(payment_id)
        return self.answer(200, {"charges": charges})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))) or b"{}")
        if not self.is_known():
            return self.answer(401, {"error": "unknown token"})
        if self.path == "/v1/faults":
            return self.take_plan(asked)
        if self.path == "/v1/refunds":
            with self.book.lock:
                return self.answer(200, self.book.refund(asked["reference"], asked["amount"], asked.get("kind", "refund")))
        if self.path == "/v1/charges":
            return self.charge(asked)
        return self.answer(404, {"error": "no such page"})

    def take_plan(self, asked: Document) -> None:
        unknown = [word for word in asked["plan"] if word not in FAULTS]
        if unknown:
            return self.answer(422, {"error": f"unknown words {unknown}"})
        with self.book.lock:
            self.book.plan(asked["plan"])
        return self.answer(200, {"planned": len(asked["plan"])})

    def charge(self, asked: Document) -> None:
        key = self.headers["Idempotency-Key"]
        with self.book.lock:
            self.book.land_late_charges()
            fault = self.book.next_fault()
            if fault == "error":
                return self.answer(500, {"error": "planned"})
            if fault == "forget":
                self.book.forget()
            if fault == "late":
                self.book.postpone(key, asked)
                charged: Document | None = None
            else:
                charged = self.book.charge(key, asked, status="failed" if fault == "decline" else "succeeded")
        if fault in UNANSWERED:
            return self.say_nothing(wait=fault != "drop")
        if charged is None:
            return self.answer(409, {"error": "this idempotency key was used for another charge"})
        told = dict(charged)
        if fault == "wrong_amount":
            told["amount"] = f"{Decimal(told['amount']) + 1}"
        if fault == "wrong_currency":
            told["currency"] = "EUR"
        self.answer(200, told)
        if fault == "twice":
            self.answer(200, told)
        return None

    def say_nothing(self, *, wait: bool) -> None:
        """Leave the caller without an answer; ``wait`` until it gives up."""
        self.close_connection = True
        if wait:
            self.rfile.read(1)

    def is_known(self) -> bool:
        return hmac.compare_digest(self.headers.get("Authorization", "").encode(), f"Bearer {self.token}".encode())

    def answer(self, code: int, document: Document) -> None:
        body = json.dumps(document).encode()
        try:
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the caller has gone, as a killed worker does; the charge stands

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's own name for it
        sys.stderr.write(f"{self.command} {self.path} {args[1] if len(args) > 1 else ''}\n")


def serve(*, port: int, state: Path, token: str) -> ThreadingHTTPServer:
    """Return the server, bound to ``port`` of 127.0.0.1 (0: any free one); the caller runs ``serve_forever``."""
    handler = type("BookHandler", (Handler,), {"book": Book(state), "token": token})
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    return server


def main() -> int:
    words = argparse.ArgumentParser(prog="python -m econsent_stack.payments_sandbox", description="A payment provider for one machine.")
    words.add_argument("--port", type=int, required=True)
    words.add_argument("--state", type=Path, required=True, help="the file that keeps the charges")
    words.add_argument("--token-file", type=Path, required=True, help="the file with the token that callers have to show")
    options = words.parse_args()
    serve(port=options.port, state=options.state, token=options.token_file.read_text(encoding="utf-8").strip()).serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
