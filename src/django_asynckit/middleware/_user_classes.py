"""Django's own classes of users, without importing them: that needs loaded apps and ``contrib.auth``."""

from __future__ import annotations

import sys
from typing import Any


def user_class(name: str) -> Any:
    """Return a class of ``django.contrib.auth.models``, or ``None`` before that is imported.

    Then no user is of that class.
    """
    return getattr(sys.modules.get("django.contrib.auth.models"), name, None)
