"""A message storage that is not Django's own."""

from __future__ import annotations

from django.contrib.messages.storage.cookie import CookieStorage

from tests.middleware import stores


class NotingStorage(CookieStorage):
    """Notes where it is made and updated."""

    def __init__(self, *args, **kwargs):
        stores.note("made")
        super().__init__(*args, **kwargs)

    def update(self, response):
        stores.note("updated")
        return super().update(response)
