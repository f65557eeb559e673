from __future__ import annotations

import os
import tomllib
from pathlib import Path

import django
from django.conf import settings

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

# Classes that build on django.contrib.auth can be imported only where Django is set up.
settings.configure(INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes"])
django.setup()

project = "django-asynckit"
author = "the django-asynckit authors"
project_copyright = author
version = release = PYPROJECT["project"]["version"]

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_copybutton"]
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = f"django-asynckit {release}"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4

autodoc_typehints = "none"
autodoc_member_order = "bysource"

# Built without network: other projects' names are links only where the docs are hosted.
nitpick_ignore_regex = [
    (
        "py:.*",
        r"(asgiref|asyncio|collections|contextvars|django(?!_asynckit)|typing)(\..*)?",
    ),
    ("py:class", r"(P|R|F)"),
]
if os.environ.get("READTHEDOCS") == "True":
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "django": ("https://docs.djangoproject.com/en/stable/", None),
        "python": ("https://docs.python.org/3/", None),
    }
