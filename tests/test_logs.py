"""Log records are Django's; they are emitted on the loop only where all handlers are local."""

from __future__ import annotations

import logging
import logging.handlers
import queue

import django
import pytest
from django.http import HttpResponse
from django.test import RequestFactory, override_settings
from django.utils.log import RequireDebugFalse

from django_asynckit._logs import emits_locally, log_status
from django_asynckit.handler.asgi import ASGIHandler
from tests.driver import drive, plain_root_logger, scope_for
from tests.handler.tools import assert_same, captured_logs, counted_crossings


class Remote(logging.Handler):
    """A handler of a class that nobody knows."""

    def __init__(self, level=logging.NOTSET):
        super().__init__(level)
        self.records = []

    def emit(self, record):
        self.records.append(record)


@pytest.fixture
def logger():
    """A logger with a parent, both without handlers."""
    parent, child = (
        logging.getLogger("tests.parent"),
        logging.getLogger("tests.parent.child"),
    )
    yield child
    for used in (parent, child):
        used.handlers, used.filters, used.propagate = [], [], True


def is_local(logger, level=logging.WARNING):
    with plain_root_logger():
        return emits_locally(logger.name, level)


@pytest.mark.parametrize(
    "path",
    [
        "/404/",
        "/raises/404/",
        "/raises/403/",
        "/raises/400/",
        "/raises/suspicious/",
        "/raises/500/",
        "/nowhere/",
    ],
)
async def test_records_are_djangos(path):
    seen = await assert_same(scope_for(path))
    # Before 5.2.3, Django logs a suspicious operation to two loggers.
    is_logged_twice = path == "/raises/suspicious/" and django.VERSION < (5, 2, 3)
    assert len(seen.logs) == 1 + is_logged_twice
    assert seen.logs[0][3] == seen.reply.status


async def test_nothing_is_logged_below_400():
    assert (await assert_same(scope_for("/"))).logs == []


async def test_an_unknown_handler_gets_the_record_in_a_thread():
    remote = Remote()
    with captured_logs() as records:
        handler = ASGIHandler()
        await drive(handler, "/404/")
        logging.getLogger("django.request").addHandler(remote)
        try:
            with counted_crossings() as count:
                await drive(handler, "/404/")
        finally:
            logging.getLogger("django.request").removeHandler(remote)
    assert count.hops == 1
    assert remote.records == records[1:]
    assert remote.records[0].threadName != "MainThread"


async def test_djangos_own_logging_makes_a_hop_only_for_mails_to_admins():
    remote = Remote(logging.ERROR)
    with captured_logs():
        logging.getLogger("django").addHandler(remote)
        handler = ASGIHandler()
        await drive(handler, "/404/")
        with counted_crossings() as count:
            await drive(handler, "/404/")
    assert not count
    assert remote.records == []


async def test_a_response_is_logged_once():
    request = RequestFactory().get("/")
    with captured_logs() as records:
        response = HttpResponse(status=503)
        for _ in range(2):
            await log_status(request, response)
    assert [(record.levelname, record.getMessage()) for record in records] == [
        ("ERROR", "Service Unavailable: /")
    ]


async def test_disabled_logging_makes_no_hop():
    with captured_logs() as records:
        logger = logging.getLogger("django.request")
        logger.addHandler(Remote())
        logger.setLevel(logging.CRITICAL)
        try:
            handler = ASGIHandler()
            with counted_crossings() as count:
                await drive(handler, "/404/")
        finally:
            logger.handlers, logger.level = [], logging.NOTSET
            logger.setLevel(logging.NOTSET)
    assert records == []
    assert not count


@pytest.mark.parametrize(
    "handler",
    [
        logging.NullHandler(),
        logging.StreamHandler(),
        logging.handlers.QueueHandler(queue.SimpleQueue()),
        logging.lastResort,
    ],
    ids=lambda handler: type(handler).__name__,
)
def test_local_handlers(logger, handler):
    logger.addHandler(handler)
    assert is_local(logger)


def test_subclasses_of_local_handlers_are_unknown(logger):
    class Shouting(logging.StreamHandler):
        pass

    logger.addHandler(Shouting())
    assert not is_local(logger)


def test_the_level_of_a_handler_counts(logger):
    logger.addHandler(Remote(logging.ERROR))
    assert is_local(logger, logging.WARNING)
    assert not is_local(logger, logging.ERROR)


def test_handlers_of_parents_count_while_records_propagate(logger):
    logger.parent.addHandler(Remote())
    assert not is_local(logger)
    logger.propagate = False
    assert is_local(logger)


def test_filters_of_the_logger_must_be_known(logger):
    logger.addFilter(RequireDebugFalse())
    logger.addFilter(logging.Filter())
    assert is_local(logger)
    logger.addFilter(lambda record: True)
    assert not is_local(logger)


def test_filters_of_a_parent_logger_are_not_run(logger):
    logger.parent.addFilter(lambda record: True)
    assert is_local(logger)


def test_filters_of_a_handler_must_be_known(logger):
    handler = logging.StreamHandler()
    logger.addHandler(handler)
    handler.addFilter(RequireDebugFalse())
    assert is_local(logger)
    handler.addFilter(lambda record: True)
    assert not is_local(logger)


async def test_messages_are_escaped_as_by_django():
    with override_settings(ROOT_URLCONF="tests.urls"):
        seen = await assert_same(scope_for("/nowhere\n\x1b[31m/"))
    if django.VERSION >= (5, 2, 2):
        assert "\n" not in seen.logs[0][2]
