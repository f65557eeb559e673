"""What a forum keeps."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Section(models.Model):
    """A part of the forum."""

    name = models.CharField(max_length=50)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Tag(models.Model):
    """A word to find topics by."""

    name = models.CharField(max_length=50)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Topic(models.Model):
    """What somebody asked."""

    section = models.ForeignKey(Section, on_delete=models.CASCADE)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    tags = models.ManyToManyField(Tag)
    title = models.CharField(max_length=100)
    text = models.TextField()
    posted = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ["-posted"]

    def __str__(self) -> str:
        return self.title


class Reply(models.Model):
    """What somebody answered."""

    topic = models.ForeignKey(Topic, on_delete=models.CASCADE)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    text = models.TextField()
    posted = models.DateTimeField()

    class Meta:
        ordering = ["posted"]

    def __str__(self) -> str:
        return self.text


class Vote(models.Model):
    """What somebody thinks of a topic."""

    topic = models.ForeignKey(Topic, on_delete=models.CASCADE)
    points = models.SmallIntegerField()

    def __str__(self) -> str:
        return str(self.points)


class Visit(models.Model):
    """When a user was here last."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    last = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.last)
