"""What middleware leaves to functions elsewhere: a model, a file."""

from __future__ import annotations

import os

from django.contrib.auth.models import Group as Redirect
from django.core.cache import caches


def get_redirect(request):
    return _find(request, Redirect)


def _find(request, model):
    return model.objects.filter(name=request.path).first()


def is_in_maintenance():
    return os.path.exists("maintenance")


def make(get_response):
    def middleware(request):
        get_redirect(request)
        return get_response(request)

    return middleware


def get_cache():
    return caches["slow"]


def one_of(request):
    if request:
        return request.headers
    return request.cookies


def nothing():
    return


class Url:
    """Has no ``__init__`` of its own."""
