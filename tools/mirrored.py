"""Writes ``src/django_asynckit/_mirrored.py``: what we mirror of Django and WhiteNoise and know of asgiref, with hashes.

Run it once for each release of one of them to review, in an environment that has that release, after
reading what changed: ``python tools/mirrored.py``. Known hashes stay; new ones are added with the
version in which they were first seen. What the release does not have is passed over. ``--check``
writes nothing and fails if a hash is new.
"""

from __future__ import annotations

import argparse
import pprint
import sys
from importlib.metadata import version
from pathlib import Path

import django
from django.conf import settings

TARGET = Path(__file__).parents[1] / "src" / "django_asynckit" / "_mirrored.py"
HEADER = '''"""The functions of Django, WhiteNoise and asgiref behind our code, and the hashes of their reviewed versions.

Written by ``tools/mirrored.py``; see CONTRIBUTING.md.
"""

from __future__ import annotations

from typing import Final

'''


def main() -> int:
    """Add the hashes of the installed releases; return 1 with ``--check`` if there were new ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail on new hashes")
    check = parser.parse_args().check
    settings.configure(INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes"])
    django.setup()
    from django_asynckit._drift import hash_of
    from django_asynckit._mirrored import MIRRORED, REVIEWED

    reviewed = {name: dict(REVIEWED.get(name, {})) for names in MIRRORED.values() for name in names}
    new = [name for name in reviewed if hash_of(name) not in {"", *reviewed[name]}]
    for name in new:
        package = name.partition(".")[0]
        print(f"{package} {version(package)}: new version of {name}")
        reviewed[name][hash_of(name)] = version(package)
    if new and not check:
        write(MIRRORED, reviewed)
    return int(check and bool(new))


def write(mirrored: dict[str, list[str]], reviewed: dict[str, dict[str, str]]) -> None:
    """Write the module anew, sorted."""
    mirrored = {path: sorted(names) for path, names in sorted(mirrored.items())}
    TARGET.write_text(
        HEADER
        + "#: ``{dotted path of ours: [module:function or class of theirs, ...]}``\n"
        + f"MIRRORED: Final[dict[str, list[str]]] = {pprint.pformat(mirrored, width=100)}\n\n"
        + "#: ``{module:function: {hash: the version of its package that it was first seen in}}``\n"
        + "REVIEWED: Final[dict[str, dict[str, str]]] = "
        + f"{pprint.pformat(dict(sorted(reviewed.items())), width=100, sort_dicts=False)}\n"
    )


if __name__ == "__main__":
    sys.exit(main())
