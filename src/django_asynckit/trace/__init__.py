"""See every crossing between the event loop and a thread: who asked for it, and what it cost."""

from __future__ import annotations

from django_asynckit.trace.hop import Hop
from django_asynckit.trace.middleware import HopTraceMiddleware
from django_asynckit.trace.recorder import record_hops
from django_asynckit.trace.recording import Trace

__all__ = ["Hop", "HopTraceMiddleware", "Trace", "record_hops"]
