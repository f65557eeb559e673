"""URLs of the test site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from tests import views

urlpatterns = [
    path("", views.hello),
    path("sync/", views.hello_sync),
    path("404/", views.returns_404),
    path("raises/<kind>/", views.raises),
    path("token/", views.token),
    path("form/", views.form),
    path("body/", views.body),
    path("upload/", views.upload),
    path("session/set/", views.session_set),
    path("session/get/", views.session_get),
    path("session/flush/", views.session_flush),
    path("messages/add/", views.message_add),
    path("messages/", views.message_list),
    path("login/", views.sign_in),
    path("logout/", views.sign_out),
    path("who/", views.who),
    path("stream/", views.stream),
    path("stream/sync/", views.stream_sync),
    path("download/", views.download),
    path("template/", views.template),
    path("slow/", views.slow),
    path("large/", views.large),
    path("cookies/", views.cookies),
    path("environment/", views.environment),
    path("admin/", admin.site.urls),
]
