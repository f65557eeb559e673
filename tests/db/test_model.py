"""No write is lost, doubled, or in a transaction where it does not belong."""

from __future__ import annotations

import pytest

from tests.db.model import Model
from tests.db.tools import add, names
from tests.workers.tools import until_idle


@pytest.mark.parametrize("seed", range(2))
async def test_what_must_be_there_is_there_and_nothing_else(kept, monkeypatch, seed):
    monkeypatch.setitem(kept, "OPTIONS", {"timeout": 30, "init_command": "PRAGMA synchronous=OFF"})
    model = Model(add, seed)
    await model.run(steps=150, at_once=4)
    # The table allows no name twice.
    assert await names() - model.unknown == model.committed
    await until_idle()
