"""What the HTML report looks like in a real browser, on a phone, light and dark."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from django_asynckit.report.html import as_html
from tests.report.audits import audit, measurement
from tests.settings import MIDDLEWARE as STARTPROJECT

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
#: Narrower than a browser's window can be, so the report is shown in a frame.
PHONE = 360
FRAME = """<!DOCTYPE html><title>waiting</title>
<iframe style="width: {width}px; height: 900px; border: 0" srcdoc="{page}"></iframe>
<script>
const frame = document.querySelector("iframe");
frame.onload = () => {{
  const page = frame.contentDocument, of = (one) => frame.contentWindow.getComputedStyle(one);
  const rows = [...page.querySelectorAll(".lanes tbody tr")];
  document.title = JSON.stringify({{
    width: page.documentElement.scrollWidth,
    paper: of(page.body).backgroundColor,
    ink: of(page.body).color,
    font: parseFloat(of(page.querySelector(".lanes tbody th")).fontSize),
    tables: page.querySelectorAll("table.lanes").length,
    hops: rows.filter((row) => row.classList.contains("hop")).length,
    rows: rows.length,
    drawn: rows.every((row) => row.querySelector(".dot").getBoundingClientRect().width > 0),
  }});
}};
</script>"""


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """Show a new project's report on a phone, light and dark; return what the browser says."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    folder = tmp_path_factory.mktemp("browser")
    found = audit(*STARTPROJECT, ROOT_URLCONF="tests.audit.urls", ASYNCKIT_SYNC_CHAIN=True)
    found.measurement = measurement()
    frame = FRAME.format(width=PHONE, page=html.escape(as_html(found)))
    (folder / "frame.html").write_text(frame, encoding="utf-8")

    def show(scheme):
        run = subprocess.run(
            [
                CHROMIUM,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                f"--user-data-dir={folder / scheme}",
                f"--blink-settings=preferredColorScheme={int(scheme == 'light')}",
                "--virtual-time-budget=5000",
                "--dump-dom",
                (folder / "frame.html").as_uri(),
            ],
            capture_output=True,
            text=True,
            timeout=55,
            check=True,
        )
        return json.loads(html.unescape(re.search(r"<title>(.*?)</title>", run.stdout)[1]))

    with ThreadPoolExecutor() as pool:
        return dict(zip(("light", "dark"), pool.map(show, ("light", "dark")), strict=True))


def test_it_fits_on_a_phone(shown):
    for seen in shown.values():
        assert seen["width"] <= PHONE
        assert seen["font"] >= 13


def test_both_drawings_are_there_with_each_crossing(shown):
    for seen in shown.values():
        assert seen["tables"] == 4
        assert seen["rows"] == 4 * 16
        assert seen["hops"] == 15 + 16 + 1
        assert seen["drawn"]


def test_it_is_light_and_dark(shown):
    assert shown["light"]["paper"] == "rgb(255, 255, 255)"
    assert shown["dark"]["paper"] == "rgb(20, 23, 29)"
    assert shown["light"]["ink"] != shown["dark"]["ink"]
