"""asynccheck in a project that starts Sentry."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.servers.harness import ROOT, environment

pytest.importorskip("sentry_sdk", reason="sentry-sdk is not installed")


def test_asynccheck_says_that_sentry_keeps_the_async_chain():
    code = (
        "import django; django.setup()\n"
        "from django.conf import settings; settings.ASYNCKIT_SYNC_CHAIN = True\n"
        "from tests.integrations.sentry_run import start_sentry; start_sentry('defaults')\n"
        "from django.core.management import call_command; call_command('asynccheck')"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={
            **environment(),
            "DJANGO_SETTINGS_MODULE": "tests.integrations.settings",
        },
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    told = " ".join(run.stdout.split())
    assert "Sync views go through the chain of async views. sentry_sdk.integrations.django" in told
    assert "replaces get_response_async() of Django's handler" in told
