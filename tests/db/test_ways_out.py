from __future__ import annotations

import threading

import pytest

from tests.db.places import PLACES
from tests.db.tools import names
from tests.db.ways import WAYS, Cell
import asyncio

by_name = lambda one: one.name


@pytest.mark.parametrize("place", PLACES, ids=by_name)
@pytest.mark.parametrize("way", WAYS, ids=by_name)
def test_cell(kept, blockbuster, way, place):
    blockbuster.deactivate()
    cell = Cell(way, place, two_may_write=False)
    cell.run()
