"""Audits a whole project."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from django_asynckit.audit.application import Application, find_application
from django_asynckit.audit.databases import audit_databases
from django_asynckit.audit.error_views import in_error_views
from django_asynckit.audit.explain import SYNC_ONLY
from django_asynckit.audit.findings import Finding, by_severity
from django_asynckit.audit.lazies import in_context_variables
from django_asynckit.audit.locals import in_apps, in_middleware
from django_asynckit.audit.measure import Measurement
from django_asynckit.audit.order import in_wrong_order
from django_asynckit.audit.promises import in_declared
from django_asynckit.audit.site import audit_site
from django_asynckit.audit.stack import Stack, audit_stack
from django_asynckit.audit.tenants import in_databases
from django_asynckit.audit.views import Views, audit_views

Progress = Callable[[str], None]
Holding = tuple[Sequence[str], str]


@dataclass
class Audit:
    """All that is known about a project."""

    application: Application
    stack: Stack
    views: Views
    findings: list[Finding] = field(default_factory=list)
    measurement: Measurement | None = None


def audit_project(tell: Progress = lambda _: None, databases: Iterable[str] = ()) -> Audit:
    """Audit the project whose settings are in force; middleware is made for it.

    ``tell`` is called with what is done next. ``databases`` are the aliases of those to connect
    to; there is no other connection. Nothing is raised for what is wrong with the
    project: it becomes a finding.
    """
    tell("Looking for the ASGI application")
    application = find_application()
    tell("Building the middleware chains")
    stack = audit_stack(makes=True, overridden=application.overridden)
    tell("Walking the URLconf")
    views = audit_views(application.handler)
    tell("Reading settings, signals and the code of apps")
    findings = [
        *application.findings,
        *_of_stack(stack, views),
        *views.findings,
        *in_error_views(application.handler),
        *audit_site(application.handler),
        *in_wrong_order(stack.entries),
        *in_middleware(stack.entries),
        *in_context_variables(stack.entries, application.handler),
        *in_declared(stack.entries),
        *in_databases(),
        *in_apps(stack.entries),
    ]
    if databases:
        tell("Asking databases how many connections they take")
        findings += audit_databases(databases, *_holding(stack, views))
    return Audit(application, stack, views, by_severity(findings))


def findings_for_checks() -> list[Finding]:
    """Return what ``manage.py check`` reports. No middleware is made for it.

    What is wrong with middleware, and what it costs, is reported only where there is an ASGI application.
    """
    application = find_application()
    return by_severity(one for one in _looked_at(application) if one.is_check)


def databases_for_checks(aliases: Sequence[str]) -> list[Finding]:
    """Return what ``manage.py check --database`` reports; what middleware does counts as above."""
    application = find_application() if aliases else Application()
    stack = Stack()
    if application.is_found:
        stack = audit_stack(makes=False, overridden=application.overridden)
    holding = _holding(stack, audit_views(application.handler)) if stack.holding else ()
    return [one for one in audit_databases(aliases, *holding) if one.is_check]


def _looked_at(application: Application) -> Iterator[Finding]:
    stack = audit_stack(makes=False, overridden=application.overridden)
    views = audit_views(application.handler)
    if application.is_found:
        yield from _of_stack(stack, views)
        yield from in_wrong_order(stack.entries)
        yield from in_middleware(stack.entries)
        yield from in_context_variables(stack.entries, application.handler)
        yield from in_declared(stack.entries)
        yield from in_databases()
    yield from views.findings
    yield from in_error_views(application.handler)
    yield from audit_site(application.handler)


def _of_stack(stack: Stack, views: Views) -> list[Finding]:
    """Return what was found in the stack, without what no request pays."""
    unpaid = SYNC_ONLY.id if _are_in_threads(stack, views) else ""
    return [one for one in stack.findings if one.id != unpaid]


def _holding(stack: Stack, views: Views) -> Holding:
    """Return the middleware that holds a worker for each open request of a kind, and that kind."""
    holding = [] if _are_in_threads(stack, views) else stack.holding
    return holding, stack.sync_chain.others


def _are_in_threads(stack: Stack, views: Views) -> bool:
    """Whether each request that sync-only middleware would hold a thread for has the sync chain.

    So it is without async views: what belongs to no view goes there too, where middleware waits.
    """
    return stack.sync_chain.exists and views.is_counted and not views.count("async")
