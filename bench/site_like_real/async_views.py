"""The same pages as async views; what templates need is loaded before, the user too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponse
from django.shortcuts import aget_object_or_404, render

from site_like_real.forms import TopicForm
from site_like_real.models import Section, Topic
from site_like_real.queries import VOTES, after, before, beside, newest, with_names

if TYPE_CHECKING:
    from django.http import HttpRequest


async def ping(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """Next to nothing."""
    return HttpResponse("OK", content_type="text/plain")


async def form(request: HttpRequest) -> HttpResponse:
    """A form with a CSRF token; one query."""
    sections = [section async for section in Section.objects.all()]
    context = {"user": await request.auser(), "form": TopicForm(sections=sections)}
    return render(request, "site/form.html", context)


async def topics(request: HttpRequest) -> HttpResponse:
    """A list; three queries."""
    context = {
        "user": await request.auser(),
        "topics": [topic async for topic in newest()],
        "sections": [section async for section in Section.objects.all()],
        "total": await Topic.objects.acount(),
    }
    return render(request, "site/list.html", context)


async def topic(request: HttpRequest, pk: int) -> HttpResponse:
    """One of the list; eight queries."""
    one = await aget_object_or_404(with_names(), pk=pk)
    context = {
        "user": await request.auser(),
        "topic": one,
        "tags": [tag async for tag in one.tags.all()],
        "replies": [reply async for reply in one.reply_set.select_related("author")],
        "votes": await one.vote_set.aaggregate(**VOTES),
        "of_author": await Topic.objects.filter(author=one.author).acount(),
        "before": await before(one).afirst(),
        "after": await after(one).afirst(),
        "beside": [other async for other in beside(one)],
    }
    return render(request, "site/detail.html", context)
