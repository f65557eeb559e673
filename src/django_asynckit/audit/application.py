"""Finds the ASGI application of a project, and which handler it uses, without importing it."""

from __future__ import annotations

import ast
import importlib.util
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from django.conf import settings

from django_asynckit.audit.findings import Finding, Place, Rule
from django_asynckit.audit.sources import parse
from django_asynckit.handler.sync_chain import METHODS

Handler = Literal["asynckit", "stock", "unknown"]

NOT_FOUND: Final = Rule(
    id="asynckit.E008",
    hint="Correct ASGI_APPLICATION, for example mysite.asgi.application.",
    is_check=False,
)
NONE: Final = Rule(
    id="asynckit.I006",
    hint="Set ASGI_APPLICATION to the dotted path of the application, if the site is served with "
    "ASGI.",
    is_check=False,
)
STOCK: Final = Rule(
    id="asynckit.I007",
    hint="In that file, import get_asgi_application from django_asynckit.asgi.",
    is_check=False,
)
_CONFIGURATIONS: Final = (
    "django-configurations imports its settings when it is set up. In that file, call "
    "configurations.setup(), and behind that import get_asgi_application from django_asynckit.asgi."
)
_SUBCLASS: Final = (
    "In that file, derive the class from django_asynckit.handler.asgi.ASGIHandler, and see to it that "
    "what it overrides is still called."
)
#: Whose handler it is that a module imports from one of these.
_MODULES: Final[dict[str, Handler]] = {
    "django_asynckit.asgi": "asynckit",
    "django_asynckit.handler.asgi": "asynckit",
    "django.core.asgi": "stock",
    "django.core.handlers.asgi": "stock",
    "configurations.asgi": "stock",
}
#: What to do about it, where that is not to change the import.
_FIXES: Final = {"configurations.asgi": _CONFIGURATIONS, "django.core.handlers.asgi": _SUBCLASS}
#: What makes the application in most projects.
_MAKER: Final = "get_asgi_application"


@dataclass
class Application:
    """The ASGI application, as far as its source tells."""

    #: Dotted path of its module; empty if there is none.
    module: str = ""
    file: str = ""
    handler: Handler = "unknown"
    #: Methods, with their class, with which the project overrides those of Django's handler that make the chain.
    overridden: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_found(self) -> bool:
        return bool(self.file)


def find_application() -> Application:
    """Return the application that ``ASGI_APPLICATION`` names, or the one of a usual name."""
    path: Any = getattr(settings, "ASGI_APPLICATION", None)
    if path is not None:
        return _named(str(path))
    for module in _usual_names():
        if file := _file_of(module):
            return _look_behind(_read(module, file), "application")
    message = "No ASGI application was found: ASGI_APPLICATION is not set, and there is no asgi.py."
    return Application(findings=[NONE.found(Place("ASGI_APPLICATION"), message)])


def _named(path: str) -> Application:
    module = path.rpartition(".")[0]
    file = _file_of(module)
    if not file:
        message = f"ASGI_APPLICATION is {path!r}, but there is no module {module!r}."
        return Application(findings=[NOT_FOUND.found(Place("ASGI_APPLICATION"), message)])
    return _look_behind(_read(module, file), path.rpartition(".")[2])


def _look_behind(found: Application, name: str) -> Application:
    """See in the module that ``name``, or what makes the application, is imported from, if it is."""
    sources = (_imported_from(found.file, one) for one in (name, _MAKER))
    for source in filter(None, sources if found.handler == "unknown" else ()):
        made = _read(source, _file_of(source))
        if made.handler != "unknown":
            found.handler, found.findings = made.handler, made.findings
            found.overridden = made.overridden
            break
    return found


def _imported_from(file: str, name: str) -> str:
    """Return the module from which ``file`` imports ``name``, if it does."""
    for node in ast.walk(parse(file) or ast.Module([], [])):
        names = node.names if isinstance(node, ast.ImportFrom) else []
        if any((one.asname or one.name) == name for one in names):
            return getattr(node, "module", None) or ""
    return ""


def _usual_names() -> Iterator[str]:
    """Yield ``mysite.asgi`` for the packages that hold the settings and the URLconf."""
    modules = (
        os.environ.get("DJANGO_SETTINGS_MODULE", ""),
        str(getattr(settings, "ROOT_URLCONF", "")),
    )
    for module in modules:
        package = module.partition(".")[0]
        if package and "." in module:
            yield f"{package}.asgi"
            yield f"{module.rpartition('.')[0]}.asgi"


def _file_of(module: str) -> str:
    try:
        spec = importlib.util.find_spec(module) if module else None
    except Exception:  # It imports the package that the module is in.
        return ""
    return (spec.origin or "") if spec is not None else ""


def _read(module: str, file: str) -> Application:
    tree = parse(file) or ast.Module([], [])
    application = Application(module, file, overridden=list(_overridden(tree)))
    used = [
        (_MODULES[node.module], node.module, node.lineno)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module in _MODULES
    ]
    # Ours comes before Django's, which other parts of the application may be of.
    for application.handler, source, line in sorted(used)[:1]:
        if application.handler == "stock":
            place, message = Place(module, file, line), f"{module} uses Django's own handler."
            finding = STOCK.found(place, message, _FIXES.get(source, STOCK.hint))
            application.findings.append(finding)
    return application


def _overridden(tree: ast.Module) -> Iterator[str]:
    """Yield those methods of Django's handler that classes derived from ours override."""
    ours = {
        name.asname or name.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module == "django_asynckit.handler.asgi"
        for name in node.names
    }
    for cls in tree.body:
        if isinstance(cls, ast.ClassDef) and ours & {ast.unparse(base) for base in cls.bases}:
            ours.add(cls.name)
            yield from (
                f"{cls.name}.{one.name}"
                for one in cls.body
                if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef) and one.name in METHODS
            )
