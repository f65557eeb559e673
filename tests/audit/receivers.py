"""Auth backends and receivers that the audit looks at."""

from __future__ import annotations

import logging

from django.contrib.auth.backends import ModelBackend


class SyncBackend:
    def get_user(self, user_id):
        """May block."""


class AsyncBackend(SyncBackend):
    async def aget_user(self, user_id):
        """Awaited instead."""


class InheritingBackend(ModelBackend):
    """Loads users as Django does."""


def make_backend(*args):
    """No class, so nothing is known of it."""


class Receiver:
    def __call__(self, **kwargs):
        """A receiver that is no function."""


class Filter(logging.Filter):
    """Of a user's own."""
