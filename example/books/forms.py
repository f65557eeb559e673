"""Forms of the bookshop."""

from __future__ import annotations

from django import forms

from books.models import Review


class ReviewForm(forms.ModelForm):
    """A reader's review. Its fields have no unique or foreign keys, so checking it makes no query."""

    class Meta:
        model = Review
        fields = ["reader", "stars", "text"]
        widgets = {"text": forms.Textarea(attrs={"rows": 3})}
