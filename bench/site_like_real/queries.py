"""The queries of both kinds of views, not yet run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Count, Sum

from site_like_real.models import Topic

if TYPE_CHECKING:
    from django.db.models import QuerySet

ON_A_PAGE = 25
BESIDE = 5
VOTES = {"points": Sum("points"), "votes": Count("pk")}


def with_names() -> QuerySet[Topic]:
    """Topics, and whose they are."""
    return Topic.objects.select_related("section", "author")


def newest() -> QuerySet[Topic]:
    """The first page of the list."""
    return with_names().annotate(replies=Count("reply"))[:ON_A_PAGE]


def before(topic: Topic) -> QuerySet[Topic]:
    """Older ones, the next older first."""
    return Topic.objects.filter(posted__lt=topic.posted)


def after(topic: Topic) -> QuerySet[Topic]:
    """Newer ones, the next newer first."""
    return Topic.objects.filter(posted__gt=topic.posted).order_by("posted")


def beside(topic: Topic) -> QuerySet[Topic]:
    """Some more of its section."""
    return Topic.objects.filter(section=topic.section).exclude(pk=topic.pk)[:BESIDE]
