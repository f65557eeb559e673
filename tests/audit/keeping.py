"""Middleware that keeps something in a ``ContextVar``; lines marked ``# found`` keep a lazy object."""

from __future__ import annotations

import contextlib
import functools
from contextvars import ContextVar

from asgiref.local import Local
from django.utils.functional import SimpleLazyObject
from django.utils.functional import SimpleLazyObject as Lazy

from django_asynckit._compat import MiddlewareMixin
from tests.audit import helping

variable = ContextVar("variable", default=None)
local = Local()


def set_user(user):
    variable.set(user)  # found


def set_users_request(request, *, user=None):
    if user is None:
        user = request.user
    set_user(user)


def set_request(request):
    variable.set(request)


@contextlib.contextmanager
def user_set(user):
    token = variable.set(user)  # found
    yield
    variable.reset(token)


def around(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args)

    return wrapper


class Holder:
    inner = ContextVar("inner")

    def keep(self, user):
        self.inner.set(user)  # found

    @classmethod
    def keep_class(cls, user):
        cls.inner.set(user)  # found

    @staticmethod
    def keep_static(user):
        variable.set(user)  # found


holder = Holder()


class Base:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)


class Direct(Base):
    def __call__(self, request):
        token = variable.set(request.user)  # found
        try:
            return self.get_response(request)
        finally:
            variable.reset(token)


class Inherited(Direct):
    """Its base does it."""


class OtherName(Base):
    def __call__(self, http):
        variable.set(http.user)  # found
        return self.get_response(http)


class ByGetattr(Base):
    def __call__(self, request):
        variable.set(getattr(request, "user", None))  # found
        return self.get_response(request)


class ByName(Base):
    def __call__(self, request):
        user = getattr(request, "user", None)
        kept: object = user
        variable.set(kept)  # found
        return self.get_response(request)


class ByWalrus(Base):
    def __call__(self, request):
        variable.set(user := request.user)  # found
        return self.get_response(request), user


class ByCondition(Base):
    def __call__(self, request):
        variable.set(request.user if hasattr(request, "user") else None)  # found
        return self.get_response(request)


class ByOtherCondition(Base):
    def __call__(self, request):
        variable.set(None if request.path == "/" else request.user)  # found
        return self.get_response(request)


class ByAttribute(Base):
    def __call__(self, request):
        self.request = request
        variable.set(self.request.user)  # found
        return self.get_response(request)


class ByHelper(Base):
    def __call__(self, request):
        set_user(request.user)
        return self.get_response(request)


class ByKeyword(Base):
    def __call__(self, request):
        set_user(user=request.user)
        return self.get_response(request)


class ByTwoHelpers(Base):
    def __call__(self, request):
        set_users_request(request)
        return self.get_response(request)


class ByContextManager(Base):
    def __call__(self, request):
        with user_set(request.user):
            return self.get_response(request)


class ByMethod(Base):
    def __call__(self, request):
        self.keep(request)
        return self.get_response(request)

    @staticmethod
    def keep(one):
        variable.set(one.user)  # found


class ByObject(Base):
    def __call__(self, request):
        holder.keep(request.user)
        return self.get_response(request)


class ByClass(Base):
    def __call__(self, request):
        Holder.keep_class(request.user)
        return self.get_response(request)


class ByStatic(Base):
    def __call__(self, request):
        holder.keep_static(request.user)
        return self.get_response(request)


class InOwnVariable(Base):
    def __init__(self, get_response):
        super().__init__(get_response)
        self.variable = ContextVar[object]("own")

    def __call__(self, request):
        self.variable.set(request.user)  # found
        return self.get_response(request)


class InHook(MiddlewareMixin):
    def process_request(self, request):
        variable.set(request.user)  # found


class InAsync(Base):
    async_capable = True

    async def __call__(self, request):
        variable.set(request.user)  # found
        return await self.get_response(request)


class OtherLazy(Base):
    def __call__(self, request):
        variable.set(request.csp_nonce)  # found
        variable.set(SimpleLazyObject(object))  # found
        made = Lazy(object)
        variable.set(made)  # found
        return self.get_response(request)


class Decorated(Base):
    @around
    def __call__(self, request):
        variable.set(request.user)  # found
        return self.get_response(request)


def function(get_response):
    inner = ContextVar("inner")

    def middleware(request):
        inner.set(request.user)  # found
        return get_response(request)

    return middleware


class InOtherModule(Base):
    def __call__(self, request):
        helping.keep(request.user)
        return self.get_response(request)


# What is fine.


class FineRequest(Base):
    def __call__(self, request):
        variable.set(request)
        set_request(request)
        return self.get_response(request)


class FineLocal(Base):
    def __call__(self, request):
        local.user = request.user
        return self.get_response(request)


class FineText(Base):
    def __call__(self, request):
        variable.set(request.user.username)
        variable.set(str(request.path))
        variable.set((request.user, 1))
        variable.set()
        return self.get_response(request)


class FineOther(Base):
    def __call__(self, request):
        request.META.set(request.user)
        helping.nothing(request.user)
        self.unknown(request.user)
        type(request)(request.user)
        (lambda user: user)(request.user)
        return self.get_response(request)


class FineSet(Base):
    def __call__(self, request):
        {1: holder}[1].set(request.user)
        set_user(1)
        return self.get_response(request)


class FineAwaited(Base):
    async_capable = True

    async def __call__(self, request):
        variable.set(await request.auser())
        return await self.get_response(request)


class FineUsed(Base):
    def __call__(self, request):
        if request.user.is_authenticated:
            variable.set(request.user)
        return self.get_response(request)


class FineTested(Base):
    def __call__(self, request):
        user = request.user
        if user:
            variable.set(user)
        return self.get_response(request)


class FineNegated(Base):
    def __call__(self, request):
        if not request.user:
            variable.set(request.user)
        return self.get_response(request)


class FineCompared(Base):
    def __call__(self, request):
        if request.user == "nobody":
            variable.set(request.user)
        return self.get_response(request)


class FineOr(Base):
    def __call__(self, request):
        variable.set(request.user or None)
        return self.get_response(request)


class FineInstance(Base):
    def __call__(self, request):
        if isinstance(request.user, str):
            variable.set(request.user)
        return self.get_response(request)


class FineReplaced(Base):
    unread = property(lambda self: None).fget

    def __call__(self, request):
        user: object
        user = request.user
        user = 1
        variable.set(user)
        return self.get_response(request)


class FineEndless(Base):
    def __call__(self, request):
        endless(request)
        return self.get_response(request)


def endless(request):
    endless(request)


def fine_nothing(get_response):
    return get_response


fine_partial = functools.partial(fine_nothing)
fine_object = Base(None)
fine_builtin = print


def fine_loop(get_response):
    return get_response


fine_loop.__wrapped__ = fine_loop
