"""Any request, with any settings and any of Django's middleware: the same answers as stock Django.

``TESTS_FUZZ_EXAMPLES=20000`` looks at that many new examples instead of the same few.
"""

from __future__ import annotations

import contextlib
import os

import django
import pytest
from hypothesis import HealthCheck, Phase, assume, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from django_asynckit.dropins import DROPINS
from tests.fuzz.compare import differences
from tests.fuzz.options import settings
from tests.fuzz.requests import flows
from tests.fuzz.stacks import ORDER, REMOTE_USERS, stacks

EXAMPLES = int(os.environ.get("TESTS_FUZZ_EXAMPLES", "0"))

pytestmark = [
    pytest.mark.usefixtures("fuzz_site"),
    pytest.mark.timeout(0 if EXAMPLES else 600),
    # Ours streams sync iterators, and does not warn.
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume synchronous iterators"),
]


@given(
    flow=flows,
    stack=stacks,
    changed=settings(),
    exceptions=st.booleans(),
    sync_chain=st.booleans(),
)
@profile(
    max_examples=EXAMPLES or 250,
    derandomize=not EXAMPLES,
    deadline=None,
    database=None,
    print_blob=False,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
def test_answers_are_those_of_stock_django(
    blockbuster, flow, stack, changed, exceptions, sync_chain
):
    @contextlib.contextmanager
    def guarded():
        blockbuster.activate()
        try:
            yield
        finally:
            blockbuster.deactivate()

    assume(not meant_to_differ(flow, stack))
    blockbuster.deactivate()
    changed = {**changed, "MIDDLEWARE": stack, "ASYNCKIT_SYNC_CHAIN": sync_chain}
    found = differences(flow, changed, exceptions=exceptions, guarded=guarded)
    assert not found, "\n".join(
        f"request {number}, {what}:\n  stock {stock!r}\n  ours  {ours!r}"
        for number, what, stock, ours in found
    )


def meant_to_differ(flow, stack):
    """Before Django 6.1 ``request.auser()`` does not know whom the middleware logged in."""
    return (
        django.VERSION < (6, 1)
        and REMOTE_USERS.intersection(stack)
        and any(request.path == "/user/" for request in flow)
    )


def test_every_native_class_is_in_the_stacks():
    assert set(DROPINS) <= set(ORDER)
