"""The pages as sync views."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render

from site_like_real.forms import TopicForm
from site_like_real.models import Section, Topic
from site_like_real.queries import VOTES, after, before, beside, newest, with_names

if TYPE_CHECKING:
    from django.http import HttpRequest


def ping(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """Next to nothing."""
    return HttpResponse("OK", content_type="text/plain")


def form(request: HttpRequest) -> HttpResponse:
    """A form with a CSRF token; one query."""
    sections = list(Section.objects.all())
    return render(request, "site/form.html", {"form": TopicForm(sections=sections)})


def topics(request: HttpRequest) -> HttpResponse:
    """A list; three queries."""
    context = {
        "topics": list(newest()),
        "sections": list(Section.objects.all()),
        "total": Topic.objects.count(),
    }
    return render(request, "site/list.html", context)


def topic(request: HttpRequest, pk: int) -> HttpResponse:
    """One of the list; eight queries."""
    one = get_object_or_404(with_names(), pk=pk)
    context = {
        "topic": one,
        "tags": list(one.tags.all()),
        "replies": list(one.reply_set.select_related("author")),
        "votes": one.vote_set.aggregate(**VOTES),
        "of_author": Topic.objects.filter(author=one.author).count(),
        "before": before(one).first(),
        "after": after(one).first(),
        "beside": list(beside(one)),
    }
    return render(request, "site/detail.html", context)
