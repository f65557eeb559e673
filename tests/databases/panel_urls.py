"""A page whose queries django-debug-toolbar and django-silk count."""

from __future__ import annotations

from django.apps import apps
from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.urls import include, path

from tests.databases.models import Note
from tests.databases.urls import text


async def page(request, queries):
    for number in range(queries):
        await Note.objects.filter(pk=number).afirst()
    return HttpResponse(f"<html><body>{queries}</body></html>")


def page_sync(request, queries):
    for number in range(queries):
        Note.objects.filter(pk=number).first()
    return HttpResponse(f"<html><body>{queries}</body></html>")


async def counted_by_silk(request):
    """How many queries each page had, in the order of the requests."""
    requests = apps.get_model("silk", "Request").objects.filter(path__startswith="/page/")
    return JsonResponse(
        [
            [path, number]
            async for path, number in requests.order_by("start_time").values_list(
                "path", "num_sql_queries"
            )
        ],
        safe=False,
    )


urlpatterns = [
    path("", lambda request: text("here")),
    path("page/<int:queries>/", page),
    path("page/sync/<int:queries>/", page_sync),
    path("counted/", counted_by_silk),
]
if "silk" in settings.INSTALLED_APPS:
    urlpatterns.append(path("silk/", include("silk.urls", namespace="silk")))
else:
    from debug_toolbar.toolbar import debug_toolbar_urls

    urlpatterns += debug_toolbar_urls()
