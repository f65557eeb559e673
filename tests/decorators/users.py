"""A site with users: sessions in signed cookies, users and permissions in the database."""

from __future__ import annotations

from django.contrib.auth import (
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
    get_user_model,
)
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Permission
from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.core.exceptions import PermissionDenied
from django.utils.functional import lazystr

from tests.decorators.tools import note

HERE = __name__
PERMISSION = "auth.change_group"
SITE = {
    "MIDDLEWARE": [
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    "LOGIN_URL": "/in/",
}
#: Nobody, an administrator, a member of the staff, somebody with the permission, and one without.
NAMES = ["", "ada", "staff", "permitted", "plain"]


def fill():
    """Put the users into the database, where they are not there yet (blocks)."""
    users = get_user_model().objects
    for name in ("staff", "permitted", "plain"):
        user, _ = users.get_or_create(username=name, defaults={"is_staff": name == "staff"})
        if name == "permitted":
            user.user_permissions.add(Permission.objects.get(codename="change_group"))


def cookie_of(name, backend="django.contrib.auth.backends.ModelBackend"):
    """Return the headers of somebody who is logged in (blocks)."""
    if not name:
        return {}
    user = get_user_model().objects.get(username=name)
    store = SessionStore()
    store[SESSION_KEY] = str(user.pk)
    store[BACKEND_SESSION_KEY] = backend
    store[HASH_SESSION_KEY] = user.get_session_auth_hash()
    store.save()
    return {"cookie": f"sessionid={store.session_key}"}


#: Not text yet, and nobody knows how it becomes text.
odd_url = lazystr("/in/")


class SyncOverride(ModelBackend):
    """Overrides how permissions are found, for sync code only: nobody else may be let in."""

    def has_perm(self, user_obj, perm, obj=None):
        note("sync has_perm")
        return user_obj.get_username() == "plain"


class AsyncOverride(ModelBackend):
    """Has async methods of its own."""

    def has_perm(self, user_obj, perm, obj=None):
        note("sync has_perm")
        return user_obj.get_username() == "staff"

    async def ahas_perm(self, user_obj, perm, obj=None):
        note("async has_perm")
        return user_obj.get_username() == "staff"


class Denying(ModelBackend):
    async def ahas_perm(self, user_obj, perm, obj=None):
        raise PermissionDenied

    def has_perm(self, user_obj, perm, obj=None):
        raise PermissionDenied


class SyncOnly:
    """A backend that is no subclass of Django's."""

    def has_perm(self, user_obj, perm, obj=None):
        note("sync has_perm")
        return user_obj.get_username() == "plain"


class NoPermissions:
    """A backend that knows nothing of permissions."""
