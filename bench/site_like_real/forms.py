"""The form of the form page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms

if TYPE_CHECKING:
    from collections.abc import Iterable

    from site_like_real.models import Section


class TopicForm(forms.Form):
    """A new topic; who makes it has loaded the sections, so that async views can, too."""

    section = forms.TypedChoiceField(coerce=int)
    title = forms.CharField(max_length=100)
    email = forms.EmailField(help_text="Nobody else sees it.")
    text = forms.CharField(widget=forms.Textarea, max_length=5000)
    notify = forms.BooleanField(required=False)

    def __init__(self, *args: Any, sections: Iterable[Section], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["section"].choices = [(section.pk, section.name) for section in sections]
