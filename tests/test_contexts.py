"""Context variables are carried as asgiref and Django carry them, and no value is asked for anything."""

from __future__ import annotations

import asyncio
import contextvars
import threading

import asgiref.sync
import pytest
from asgiref.local import Local
from asgiref.sync import async_to_sync, sync_to_async
from django.dispatch import Signal, dispatcher

from django_asynckit import _contexts
from django_asynckit._contexts import ask_no_values, values_are_asked

ASGIREF = "asgiref.sync:_restore_context"
DJANGO = "django.dispatch.dispatcher:_restore_context"
plain = contextvars.ContextVar("plain")
kept = contextvars.ContextVar("kept", default="default")
odd = contextvars.ContextVar("odd")


class Asked(BaseException):
    """Somebody asked a value for something."""


class Odd:
    """A value that must not be asked for anything."""

    @property
    def __class__(self):
        raise Asked("class")

    def __eq__(self, other):
        raise Asked("equality")

    __ne__ = __eq__
    __hash__ = None

    def __bool__(self):
        raise Asked("truth")


@pytest.fixture
def originals(monkeypatch):
    """The functions of asgiref and Django, as they are where no handler of ours was made."""
    found = {}
    for name, module in ((ASGIREF, asgiref.sync), (DJANGO, dispatcher)):
        if hasattr(module, "_restore_context"):
            source = compile(_source(name), module.__file__, "exec")
            namespace = {}
            exec(source, vars(module), namespace)
            monkeypatch.setattr(module, "_restore_context", namespace["_restore_context"])
            found[name] = namespace["_restore_context"]
    return found


def _source(name):
    from django_asynckit._drift import _find, _parse

    module, _, function = name.partition(":")
    source, tree = _parse(module)
    node = _find(tree, [function])
    return "\n".join(source.splitlines()[node.lineno - 1 : node.end_lineno])


def test_each_reviewed_function_is_replaced(originals):
    ask_no_values()
    assert asgiref.sync._restore_context is _contexts._restore_as_asgiref
    assert not values_are_asked()
    if DJANGO in originals:
        assert dispatcher._restore_context is _contexts._restore_as_django
    ask_no_values()
    assert asgiref.sync._restore_context is _contexts._restore_as_asgiref


def test_one_that_was_not_reviewed_stays(originals, monkeypatch):
    monkeypatch.setattr(_contexts, "IS_REVIEWED", False)
    monkeypatch.setattr(_contexts, "_DJANGO_IS_REVIEWED", False)
    ask_no_values()
    assert asgiref.sync._restore_context is originals[ASGIREF]
    if DJANGO in originals:
        assert dispatcher._restore_context is originals[DJANGO]
    assert values_are_asked()


def test_what_somebody_put_there_stays(originals, monkeypatch):
    def patched(context):
        return originals[ASGIREF](context)

    monkeypatch.setattr(asgiref.sync, "_restore_context", patched)
    ask_no_values()
    assert asgiref.sync._restore_context is patched


def _restored(restore, *, is_set):
    """Return what is found where ``restore`` has carried a context to another thread."""
    local, critical = Local(), Local(thread_critical=True)
    value, seen = object(), {}

    def fill():
        plain.set(value)
        kept.set("changed")
        local.name = "local"
        critical.name = "critical"

    def look(context):
        if is_set:
            plain.set(value)
            kept.set("other")
            local.name = "another"
        restore(context)
        seen.update(
            plain=plain.get() is value,
            kept=kept.get(),
            local=getattr(local, "name", None),
            critical=getattr(critical, "name", None),
        )

    context = contextvars.copy_context()
    context.run(fill)
    thread = threading.Thread(target=contextvars.Context().run, args=(look, context))
    thread.start()
    thread.join()
    return seen


@pytest.mark.parametrize("is_set", [False, True])
def test_asgirefs_locals_and_variables_arrive(originals, is_set):
    ours = _restored(_contexts._restore_as_asgiref, is_set=is_set)
    assert ours == _restored(originals[ASGIREF], is_set=is_set)
    assert ours == {"plain": True, "kept": "changed", "local": "local", "critical": None}


@pytest.mark.parametrize("is_set", [False, True])
def test_djangos_variables_arrive(originals, is_set):
    ours = _restored(_contexts._restore_as_django, is_set=is_set)
    if DJANGO in originals:
        assert ours == _restored(originals[DJANGO], is_set=is_set)
    assert ours["plain"]
    assert ours["kept"] == "changed"


@pytest.fixture
def replaced(originals):
    ask_no_values()


@pytest.mark.usefixtures("originals")
async def test_asgiref_itself_asks():
    """What is mended here. If this fails, asgiref has mended it."""
    token = odd.set(Odd())
    with pytest.raises(Asked, match="class"):
        await sync_to_async(str)()
    odd.reset(token)


@pytest.mark.usefixtures("originals")
async def test_asgiref_asks_nothing_of_what_is_in_a_local():
    """Which is what the hint of W026 says."""

    async def on_loop():
        return local.value is value

    local, value = Local(), Odd()
    local.value = value
    assert await sync_to_async(lambda: local.value is value)()
    assert await sync_to_async(async_to_sync(on_loop))()


@pytest.mark.usefixtures("replaced")
async def test_values_go_to_a_thread_and_back():
    def work():
        is_same = odd.get() is outer
        odd.set(inner)
        return is_same

    outer, inner = Odd(), Odd()
    token = odd.set(outer)
    assert await sync_to_async(work)()
    assert odd.get() is inner
    odd.reset(token)


@pytest.mark.usefixtures("replaced")
@pytest.mark.parametrize("has_loop", [False, True])
def test_values_go_to_the_event_loop_and_back(has_loop):
    async def work():
        is_same = odd.get() is outer
        await asyncio.sleep(0)
        odd.set(inner)
        return is_same

    def sync():
        odd.set(outer)
        assert async_to_sync(work)()
        return odd.get() is inner

    outer, inner = Odd(), Odd()
    if has_loop:
        assert asyncio.run(sync_to_async(sync)())
    else:
        assert contextvars.copy_context().run(sync)


@pytest.mark.usefixtures("replaced")
async def test_values_are_shared_with_async_receivers():
    async def receiver(**kwargs):
        seen.append(odd.get())
        odd.set(inner)

    seen, outer, inner, signal = [], Odd(), Odd(), Signal()
    signal.connect(receiver)
    token = odd.set(outer)
    await signal.asend(sender=None)
    assert seen[0] is outer
    # Older Djangos give each receiver a context of its own.
    is_shared = odd.get() is inner
    assert is_shared is hasattr(dispatcher, "_run_parallel")
    odd.reset(token)
