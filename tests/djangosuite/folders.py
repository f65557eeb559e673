"""Which folders of Django's tests run."""

from __future__ import annotations

from typing import Final

_CHAIN = """
    middleware sessions_tests csrf_tests messages_tests auth_tests view_tests handlers cache
    conditional_processing redirects_tests flatpages_tests sites_tests middleware_exceptions asgi
    async decorators test_client test_client_regress i18n signals admin_docs admin_views
    file_uploads requests_tests responses httpwrappers logging_tests generic_views
    syndication_tests sitemaps_tests staticfiles_tests servers wsgi template_tests transactions
"""

#: Those whose tests make middleware themselves; the others would run as before.
_DIRECT = """
    middleware middleware_exceptions csrf_tests sessions_tests messages_tests redirects_tests
    sites_tests decorators i18n.patterns auth_tests.test_middleware auth_tests.test_remote_user
    auth_tests.test_views
    cache.tests.CacheMiddlewareTest cache.tests.CacheI18nTest cache.tests.PrefixedCacheI18nTest
    cache.tests.TestWithTemplateResponse
"""

#: Those of decorators and mixins.
_DECORATORS = """
    decorators auth_tests.test_decorators auth_tests.test_mixins cache.tests.CacheMiddlewareTest
    csrf_tests conditional_processing generic_views utils_tests.test_decorators
"""

#: For each way of running, labels as ``runtests.py`` takes them.
LABELS: Final = {
    "chain": _CHAIN.split(),
    "sync-chain": _CHAIN.split(),
    "direct": _DIRECT.split(),
    "decorators": _DECORATORS.split(),
}

#: How many tests run at least, so that a run that lost most of them is seen.
FEWEST: Final = {"chain": 6000, "sync-chain": 6000, "direct": 1400, "decorators": 500}
