"""A process with OpenTelemetry's instrumentation: ``python -m tests.integrations.opentelemetry_run HANDLER``.

With ``declared`` after it, the middleware is declared free of I/O.
"""

from __future__ import annotations

import sys

from django.conf import settings
from opentelemetry import trace
from opentelemetry.instrumentation.django import DjangoInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.integrations.runs import BUSY, REQUESTS, make_application, report
from tests.servers.client import Request

MIDDLEWARE = "opentelemetry.instrumentation.django.middleware.otel_middleware._DjangoMiddleware"


def summary(span, all_spans) -> dict:
    """What does not differ between two runs of the same requests."""
    names = {other.context.span_id: other.name for other in all_spans}
    return {
        "name": span.name,
        "kind": span.kind.name,
        "parent": span.parent and names.get(span.parent.span_id, "unknown"),
        "status": span.status.status_code.name,
        "attributes": {name: str(value) for name, value in sorted(span.attributes.items())},
        "events": [
            (event.name, str(event.attributes.get("exception.type"))) for event in span.events
        ],
    }


def main(handler: str, mode: str = "") -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)

    def take() -> list[dict]:
        spans = exporter.get_finished_spans()
        exporter.clear()
        return [summary(span, spans) for span in spans]

    if mode == "declared":
        settings.ASYNCKIT_NON_BLOCKING_MIDDLEWARE = [MIDDLEWARE]
    DjangoInstrumentor().instrument()
    application = make_application(handler)
    report(application, take, [*REQUESTS, *BUSY, Request("/span/"), Request("/span/sync/")])


if __name__ == "__main__":
    main(*sys.argv[1:])
