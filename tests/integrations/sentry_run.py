"""A process with Sentry's Django integration: ``python -m tests.integrations.sentry_run HANDLER MODE``."""

from __future__ import annotations

import re
import sys

import sentry_sdk
from sentry_sdk.integrations.django import DjangoIntegration
from sentry_sdk.transport import Transport

from tests.integrations.runs import make_application, report

events: list[dict] = []


class Collect(Transport):
    """Keeps what would be sent to Sentry."""

    def capture_envelope(self, envelope):
        events.extend(item.payload.json for item in envelope.items if item.payload.json)


def start_sentry(mode: str) -> None:
    options = {
        "middleware_spans": True,
        "signals_spans": True,
        "failed_request_status_codes": {403, *range(500, 600)},
    }
    sentry_sdk.init(
        dsn="http://key@127.0.0.1:9/1",
        transport=Collect,
        traces_sample_rate=1.0,
        send_default_pii=True,
        integrations=[DjangoIntegration(**({} if mode == "defaults" else options))],
    )


def summary(event: dict) -> dict:
    """What does not differ between two runs of the same requests."""
    errors = event.get("exception", {}).get("values", [])
    request = event.get("request", {})
    return {
        "kind": event.get("type", "event"),
        "transaction": event.get("transaction"),
        "source": event.get("transaction_info"),
        "status": event.get("contexts", {}).get("trace", {}).get("status"),
        "errors": [[error["type"], error["value"]] for error in errors],
        "mechanism": [error.get("mechanism") for error in errors],
        "request": {key: request.get(key) for key in ("method", "url", "query_string", "data")},
        "user": event.get("user"),
        "breadcrumbs": [
            [crumb.get("category"), crumb.get("message")]
            for crumb in event.get("breadcrumbs", {}).get("values", [])
            if crumb.get("message") != "connect"  # A worker of ours may be connected already.
        ],
        "spans": sorted(
            [span["op"], name_of(span)]
            for span in event.get("spans", [])
            if span["description"] != "connect"
        ),
    }


def name_of(span: dict) -> str:
    """Without the package of a middleware and the ``a`` of its async hook, and without addresses."""
    description = span["description"]
    if span["op"] == "middleware.django":
        return ".".join(description.split(".")[-2:]).replace(".aprocess_", ".process_")
    return re.sub(r" at 0x\w+", "", description)


def main(handler: str, mode: str) -> None:
    def take() -> list[dict]:
        taken = [summary(event) for event in events]
        events.clear()
        return taken

    if mode != "late":
        start_sentry(mode)
    application = make_application(handler)
    if mode == "late":
        start_sentry(mode)
    report(application, take)


if __name__ == "__main__":
    main(*sys.argv[1:])
