"""The one model."""

from __future__ import annotations

from django.db import models


class Note(models.Model):
    """A line of text that belongs to a tenant."""

    tenant = models.CharField(max_length=20, db_index=True)
    text = models.CharField(max_length=100)

    class Meta:
        app_label = "databases"

    def __str__(self) -> str:
        return self.text
