"""The rows of the site, the same each time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib import import_module

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User

from site_like_real.models import Reply, Section, Tag, Topic, Vote

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
SECTIONS, TAGS, USERS, TOPICS, REPLIES, VOTES = 8, 15, 20, 100, 10, 5
SENTENCE = "How do I keep <b>what I wrote</b> & find it again, if the page was closed? "


def fill() -> None:
    """Make them all."""
    sections = Section.objects.bulk_create(Section(name=f"Section {n}") for n in range(SECTIONS))
    tags = Tag.objects.bulk_create(Tag(name=f"tag-{n}") for n in range(TAGS))
    password = make_password(None)
    users = User.objects.bulk_create(
        User(username=f"user-{n}", password=password) for n in range(USERS)
    )
    topics = Topic.objects.bulk_create(
        Topic(
            section=sections[n % SECTIONS],
            author=users[n % USERS],
            title=f"Topic number {n}",
            text=SENTENCE * 5,
            posted=BEGIN + timedelta(hours=n),
        )
        for n in range(TOPICS)
    )
    for n, topic in enumerate(topics):
        topic.tags.set([tags[(n + step) % TAGS] for step in range(3)])
    Reply.objects.bulk_create(
        Reply(
            topic=topic,
            author=users[(topic.pk + n) % USERS],
            text=SENTENCE,
            posted=topic.posted + timedelta(minutes=n),
        )
        for topic in topics
        for n in range(REPLIES)
    )
    Vote.objects.bulk_create(Vote(topic=topic, points=n) for topic in topics for n in range(VOTES))


def log_in() -> str:
    """Return the key of a session of one of the users."""
    user = User.objects.get(username="user-1")
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return session.session_key
