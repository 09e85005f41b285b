"""The local payment server behind Stripe's own addresses, forms and error types, so that Stripe's library can talk to it.

What is charged, forgotten or kept silent about is the same book's business as for the sandbox: only the words on the wire are Stripe's.
"""

import re
from datetime import datetime
from decimal import Decimal
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from econsent_stack.payments_sandbox import UNANSWERED, Book, Document, Handler

QUERY: Final = re.compile(r"metadata\['(?P<name>\w+)'\]:'(?P<value>.*)'")
STATUSES: Final = {"succeeded": "succeeded", "failed": "requires_payment_method"}
WITHOUT_CARD: Final = "without-a-card"


class StripeFront(Handler):
    """Payment intents, customers, refunds and disputes, as far as the adapter asks for them."""

    def do_GET(self) -> None:  # noqa: N802 http.server calls it so
        address = urlsplit(self.path)
        words = {name: values[0] for name, values in parse_qs(address.query).items()}
        if not self.is_known():
            return self.answer(401, {"error": {"type": "invalid_request_error", "message": "Invalid API Key provided"}})
        with self.book.lock:
            self.book.land_late_charges()
            charges = self.book.charges()
        match address.path:
            case "/v1/customers/search":
                return self.list_of([customer(searched(words, "company_id"))])
            case "/v1/payment_intents/search":
                wanted = searched(words, "payment_id")
                return self.list_of([intent(each) for each in charges if each["payment_id"] == wanted])
            case "/v1/refunds" | "/v1/disputes":
                kind = "refund" if address.path == "/v1/refunds" else "dispute"
                found = [back for each in charges if each["reference"] == words["payment_intent"] for back in each["refunds"]]
                return self.list_of([went_back(back) for back in found if back["kind"] == kind])
            case _:
                return self.answer(404, {"error": {"type": "invalid_request_error", "message": "Unrecognized request URL"}})

    def do_POST(self) -> None:  # noqa: N802 http.server calls it so
        form = parse_qs(self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode())
        if not self.is_known():
            return self.answer(401, {"error": {"type": "invalid_request_error", "message": "Invalid API Key provided"}})
        asked = {
            "payment_id": form["metadata[payment_id]"][0],
            "company_id": form["metadata[company_id]"][0],
            "amount": f"{Decimal(form['amount'][0]) / 100:.2f}",
            "currency": form["currency"][0].upper(),
        }
        key = self.headers["Idempotency-Key"]
        with self.book.lock:
            self.book.land_late_charges()
            fault = self.book.next_fault()
            if fault == "error":
                return self.answer(500, {"error": {"type": "api_error", "message": "planned"}})
            if fault == "forget":
                self.book.forget()
            charged = self.book.charge(key, asked, status="failed" if fault == "decline" else "succeeded")
        if fault in UNANSWERED:
            return self.say_nothing(wait=fault != "drop")
        if charged is None:
            return self.answer(400, {"error": {"type": "idempotency_error", "message": "Keys can only be used with the same parameters"}})
        if charged["status"] == "failed":
            declined = {"type": "card_error", "code": "card_declined", "message": "Your card was declined."}
            return self.answer(402, {"error": {**declined, "payment_intent": intent(charged)}})
        return self.answer(200, intent(charged))

    def list_of(self, data: list[Document]) -> None:
        self.answer(200, {"object": "list", "data": data, "has_more": False, "url": urlsplit(self.path).path})


def searched(words: dict[str, str], name: str) -> str:
    """Return what a search asks for. Raises AssertionError for a question that Stripe would not understand."""
    found = QUERY.fullmatch(words["query"])
    assert found is not None, words
    assert found["name"] == name, words
    return found["value"].replace("\\'", "'").replace("\\\\", "\\")


def customer(company_id: str) -> Document:
    method = None if company_id == WITHOUT_CARD else "pm_1"
    return {"object": "customer", "id": f"cus_{company_id}", "invoice_settings": {"default_payment_method": method}}


def intent(charge: Document) -> Document:
    return {
        "object": "payment_intent",
        "id": charge["reference"],
        "amount": int(Decimal(charge["amount"]) * 100),
        "currency": charge["currency"].lower(),
        "status": STATUSES[charge["status"]],
        "metadata": {"payment_id": charge["payment_id"], "company_id": charge["company_id"]},
    }


def went_back(back: Document) -> Document:
    status = "succeeded" if back["kind"] == "refund" else "needs_response"
    created = int(datetime.fromisoformat(back["created_at"]).timestamp())
    amount = int(Decimal(back["amount"]) * 100)
    return {"object": back["kind"], "id": back["reference"], "amount": amount, "created": created, "status": status}


def serve_stripe(*, state: Path, token: str) -> tuple[ThreadingHTTPServer, Book]:
    """Return the server, bound to a free port of 127.0.0.1, and its book; the caller runs ``serve_forever``."""
    book = Book(state)
    handler: Any = type("BookStripe", (StripeFront,), {"book": book, "token": token})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    return server, book
