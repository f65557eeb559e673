"""Keeps the user of each request per thread, as packages for the current user do."""

from __future__ import annotations

import threading

_kept = threading.local()
given = [_kept]


def set_user(user):
    _kept.user = user


def use(middleware):
    return middleware
