"""``manage.py asynccheck``: where the project hops or blocks, why, what it costs, how to fix it."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.checks import CheckMessage
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from django_asynckit.audit.findings import Finding, Level, by_severity
from django_asynckit.audit.getting import NotAnswered
from django_asynckit.audit.measure import measure
from django_asynckit.audit.project import Audit, audit_project
from django_asynckit.audit.stack import NO_LIST
from django_asynckit.audit.trial import NotTried, try_declared
from django_asynckit.checks.declared import check_declared
from django_asynckit.checks.drift import check_asgiref, check_drift
from django_asynckit.checks.settings import check_settings
from django_asynckit.report.data import as_json
from django_asynckit.report.github import as_github
from django_asynckit.report.html import as_html
from django_asynckit.report.text import as_ascii, as_coloured, as_text
from django_asynckit.report.trial import as_lines

FORMATS: Final[dict[str, Callable[[Audit], str]]] = {
    "text": as_text,
    "json": as_json,
    "github": as_github,
    "html": as_html,
}
LEVELS: Final = {level.word: level for level in Level}
_CHECKS: Final[tuple[Callable[[], list[CheckMessage]], ...]] = (
    check_asgiref,
    check_declared,
    check_drift,
    check_settings,
)


class Command(BaseCommand):
    """Prints the audit of the project whose settings are in force."""

    help = "Shows where requests hop between event loop and threads, why, and how to fix it."
    #: What is wrong becomes findings; Django's checks would stop the command before.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("--format", choices=FORMATS, default="text", help="what to print (default: text)")
        add("--output", metavar="FILE", help="write the report to FILE, not to the terminal")
        add(
            "--max-hops",
            type=_number,
            metavar="N",
            help="fail if an async view makes more than N hops with django-asynckit's handler",
        )
        add(
            "--fail-level",
            choices=LEVELS,
            help="fail if there is a finding of this level or a worse one; warnings too may mean "
            "that each request fails",
        )
        add(
            "--database",
            action="append",
            default=[],
            dest="databases",
            metavar="ALIAS",
            help="connect to this database, and compare its limit of connections with the site's",
        )
        add("--measure", metavar="PATH", help="measure GET requests of PATH with both handlers")
        add(
            "--try-declare",
            metavar="MIDDLEWARE",
            help="run this middleware on the event loop for GET requests, and tell what of it blocks; nothing else",
        )
        add(
            "--url",
            action="append",
            dest="urls",
            metavar="PATH",
            help="with --try-declare: what to ask for (default: /)",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["try_declare"] is not None:
            self._try(options["try_declare"], options["urls"] or ["/"])
            return
        _require(options["databases"])
        audit = audit_project(self._tell, options["databases"])
        findings = by_severity([*audit.findings, *_from_checks(audit)])
        silenced = settings.SILENCED_SYSTEM_CHECKS
        audit.findings = [finding for finding in findings if finding.id not in silenced]
        error = self._measure(audit, options["measure"])
        self._write(audit, options)
        if error is not None:
            raise CommandError(f"Not measured: {error}") from error
        _fail(audit, options["max_hops"], options["fail_level"])

    def _try(self, path: str, urls: list[str]) -> None:
        try:
            trial = try_declared(path, urls, self._tell)
        except (NotTried, NotAnswered) as error:
            raise CommandError(f"Not tried: {error}") from error
        self.stdout.write("\n".join(as_lines(trial)))
        if trial.would_break:
            raise CommandError("It blocks the event loop, or fails there.")

    def _measure(self, audit: Audit, path: str | None) -> NotAnswered | None:
        """Measure ``path`` for ``audit``; return what stopped it, since the report comes all the same."""
        if path is not None:
            self._tell(f"Measuring {path}")
            try:
                audit.measurement = measure(path)
            except NotAnswered as error:
                return error
        return None

    def _tell(self, what: str) -> None:
        """Show progress where a person looks, and never in what is piped."""
        if self.stderr.isatty():
            self.stderr.write(f"{what} ...", str)  # Not in red: it is no error.

    def _write(self, audit: Audit, options: dict[str, Any]) -> None:
        name, file = options["format"], options["output"]
        if file is not None:
            text = f"{FORMATS[name](audit)}\n"
            try:
                # A path of the project may have bytes that are no text.
                Path(file).write_text(text, encoding="utf-8", errors="replace")
            except (OSError, ValueError) as error:  # Not every string can be a path.
                raise CommandError(f"Cannot write {file}: {error}") from error
            return
        stream: Any = self.stdout
        coloured = None
        if name == "text" and not options["no_color"]:
            coloured = as_coloured(audit, stream)
        text = FORMATS[name](audit) if coloured is None else coloured
        encoding = getattr(stream, "encoding", None) or sys.getdefaultencoding()
        try:
            text.encode(encoding)
        except UnicodeEncodeError:
            text = _narrowed(text, encoding, is_html=name == "html")
        stream.write(text)


def _require(aliases: list[str]) -> None:
    """Stop where somebody has misspelt the name of a database."""
    for alias in aliases:
        if alias not in connections.settings:
            known = ", ".join(map(repr, connections.settings))
            raise CommandError(f"There is no database {alias!r}. Choose from: {known}.")


def _narrowed(text: str, encoding: str, *, is_html: bool) -> str:
    """Return ``text`` with what ``encoding`` does not have in another form."""
    if is_html:
        return text.encode(encoding, "xmlcharrefreplace").decode(encoding)
    return as_ascii(text).encode(encoding, "replace").decode(encoding)


def _number(text: str) -> int:
    if not text.isdigit():
        raise ArgumentTypeError(f"{text!r} is not a number of hops")
    return int(text)


def _from_checks(audit: Audit) -> list[Finding]:
    """Return what the checks of our settings find; two of them read MIDDLEWARE, which must be a list."""
    is_list = all(finding.id != NO_LIST.id for finding in audit.stack.findings)
    return [
        Finding(
            id=str(message.id),
            level=Level(message.level),
            where=str(message.obj or "settings"),
            message=str(message.msg),
            hint=str(message.hint or ""),
        )
        for check in (_CHECKS if is_list else [check_settings])
        for message in check()
    ]


def _fail(audit: Audit, max_hops: int | None, fail_level: str | None) -> None:
    hops = audit.stack.totals()["asynckit"]["async_view"]
    if max_hops is not None and not audit.stack.is_complete:
        raise CommandError(
            "The hops cannot be counted: Django does not start with this MIDDLEWARE."
        )
    if max_hops is not None and hops > max_hops:
        raise CommandError(f"An async view makes {hops} hops, and --max-hops is {max_hops}.")
    if fail_level is not None and any(one.level >= LEVELS[fail_level] for one in audit.findings):
        raise CommandError(f"There are findings of level {fail_level} or worse.")
