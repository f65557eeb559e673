"""The functions of Django behind each of our classes, and the hashes of their reviewed versions.

Written by ``tools/mirrored.py``; see CONTRIBUTING.md.
"""

from __future__ import annotations

from typing import Final

#: ``{dotted path of ours: [module:function of Django's, ...]}``
MIRRORED: Final[dict[str, list[str]]] = {
    "django_asynckit.handler.asgi.ASGIHandler": [
        "django.core.cache.backends.base:BaseCache.close",
        "django.core.cache:close_caches",
        "django.core.handlers.asgi:ASGIHandler.__call__",
        "django.core.handlers.asgi:ASGIHandler.handle",
        "django.core.handlers.asgi:ASGIHandler.read_body",
        "django.core.handlers.asgi:ASGIHandler.run_get_response",
        "django.core.handlers.asgi:ASGIHandler.send_response",
        "django.core.handlers.asgi:ASGIRequest.close",
        "django.core.handlers.base:BaseHandler._get_response_async",
        "django.core.handlers.base:BaseHandler.adapt_method_mode",
        "django.core.handlers.base:BaseHandler.get_response_async",
        "django.core.handlers.base:BaseHandler.load_middleware",
        "django.core.handlers.base:BaseHandler.process_exception_by_middleware",
        "django.core.handlers.base:reset_urlconf",
        "django.core.handlers.exception:convert_exception_to_response",
        "django.core.handlers.exception:get_exception_response",
        "django.core.handlers.exception:handle_uncaught_exception",
        "django.core.handlers.exception:response_for_exception",
        "django.db:close_old_connections",
        "django.db:reset_queries",
        "django.dispatch.dispatcher:Signal._live_receivers",
        "django.dispatch.dispatcher:Signal.asend",
        "django.http.request:HttpRequest.close",
        "django.http.response:HttpResponseBase.close",
        "django.http.response:HttpResponseBase.items",
        "django.http.response:StreamingHttpResponse.__aiter__",
        "django.http.response:StreamingHttpResponse.streaming_content",
        "django.template.loaders.cached:Loader.get_template",
        "django.utils.datastructures:CaseInsensitiveMapping.__iter__",
        "django.utils.log:log_response",
        "django.views.defaults:bad_request",
        "django.views.defaults:page_not_found",
        "django.views.defaults:permission_denied",
        "django.views.defaults:server_error",
    ],
    "django_asynckit.middleware.auth.AuthenticationMiddleware": [
        "django.contrib.auth.middleware:AuthenticationMiddleware.process_request",
        "django.contrib.auth.middleware:auser",
        "django.contrib.auth.middleware:get_user",
        "django.contrib.auth:aget_user",
        "django.contrib.auth:get_user",
        "django.utils.deprecation:MiddlewareMixin.__acall__",
        "django.utils.deprecation:MiddlewareMixin.__call__",
        "django.utils.deprecation:MiddlewareMixin.__init__",
        "django.utils.functional:LazyObject.__init__",
        "django.utils.functional:SimpleLazyObject.__init__",
    ],
    "django_asynckit.middleware.clickjacking.XFrameOptionsMiddleware": [
        "django.middleware.clickjacking:XFrameOptionsMiddleware.get_xframe_options_value",
        "django.middleware.clickjacking:XFrameOptionsMiddleware.process_response",
        "django.utils.deprecation:MiddlewareMixin.__acall__",
        "django.utils.deprecation:MiddlewareMixin.__call__",
        "django.utils.deprecation:MiddlewareMixin.__init__",
    ],
    "django_asynckit.middleware.common.CommonMiddleware": [
        "django.middleware.common:CommonMiddleware.get_full_path_with_slash",
        "django.middleware.common:CommonMiddleware.process_request",
        "django.middleware.common:CommonMiddleware.process_response",
        "django.middleware.common:CommonMiddleware.should_redirect_with_slash",
        "django.utils.deprecation:MiddlewareMixin.__acall__",
        "django.utils.deprecation:MiddlewareMixin.__call__",
        "django.utils.deprecation:MiddlewareMixin.__init__",
    ],
    "django_asynckit.middleware.csrf.CsrfViewMiddleware": [
        "django.http.request:HttpRequest._load_post_and_files",
        "django.http.request:HttpRequest.body",
        "django.middleware.csrf:CsrfViewMiddleware._check_token",
        "django.middleware.csrf:CsrfViewMiddleware._get_secret",
        "django.middleware.csrf:CsrfViewMiddleware._reject",
        "django.middleware.csrf:CsrfViewMiddleware._set_csrf_cookie",
        "django.middleware.csrf:CsrfViewMiddleware.process_request",
        "django.middleware.csrf:CsrfViewMiddleware.process_response",
        "django.middleware.csrf:CsrfViewMiddleware.process_view",
        "django.utils.deprecation:MiddlewareMixin.__acall__",
        "django.utils.deprecation:MiddlewareMixin.__call__",
        "django.utils.deprecation:MiddlewareMixin.__init__",
    ],
    "django_asynckit.middleware.messages.MessageMiddleware": [
        "django.contrib.messages.middleware:MessageMiddleware.process_request",
        "django.contrib.messages.middleware:MessageMiddleware.process_response",
        "django.contrib.messages.storage.base:BaseStorage.update",
        "django.contrib.messages.storage.fallback:FallbackStorage.__init__",
        "django.contrib.messages.storage.fallback:FallbackStorage._store",
        "django.utils.deprecation:MiddlewareMixin.__acall__",
        "django.utils.deprecation:MiddlewareMixin.__call__",
        "django.utils.deprecation:MiddlewareMixin.__init__",
        "django.utils.functional:LazyObject.__init__",
        "django.utils.functional:SimpleLazyObject.__init__",
    ],
    "django_asynckit.middleware.preload.PreloadUserMiddleware": [
        "django.contrib.auth.middleware:auser",
        "django.contrib.auth.middleware:get_user",
        "django.contrib.auth:_aget_user_session_key",
        "django.contrib.auth:_get_user_session_key",
        "django.contrib.auth:aget_user",
        "django.contrib.auth:get_user",
        "django.contrib.sessions.backends.base:SessionBase._aget_session",
        "django.contrib.sessions.backends.base:SessionBase._get_session",
        "django.contrib.sessions.backends.base:SessionBase.acycle_key",
        "django.contrib.sessions.backends.base:SessionBase.aflush",
        "django.contrib.sessions.backends.base:SessionBase.clear",
        "django.contrib.sessions.backends.base:SessionBase.cycle_key",
        "django.contrib.sessions.backends.base:SessionBase.flush",
    ],
    "django_asynckit.middleware.security.SecurityMiddleware": [
        "django.http.response:HttpResponseBase.setdefault",
        "django.http.response:ResponseHeaders.__setitem__",
        "django.http.response:ResponseHeaders.setdefault",
        "django.middleware.security:SecurityMiddleware.process_request",
        "django.middleware.security:SecurityMiddleware.process_response",
        "django.utils.deprecation:MiddlewareMixin.__acall__",
        "django.utils.deprecation:MiddlewareMixin.__call__",
        "django.utils.deprecation:MiddlewareMixin.__init__",
    ],
    "django_asynckit.middleware.sessions.SessionMiddleware": [
        "django.contrib.sessions.backends.base:SessionBase._get_session",
        "django.contrib.sessions.backends.base:SessionBase.is_empty",
        "django.contrib.sessions.middleware:SessionMiddleware.process_request",
        "django.contrib.sessions.middleware:SessionMiddleware.process_response",
        "django.utils.deprecation:MiddlewareMixin.__acall__",
        "django.utils.deprecation:MiddlewareMixin.__call__",
        "django.utils.deprecation:MiddlewareMixin.__init__",
    ],
}

#: ``{module:function: {hash: the Django version it was first seen in}}``
REVIEWED: Final[dict[str, dict[str, str]]] = {
    "django.contrib.auth.middleware:AuthenticationMiddleware.process_request": {
        "491e7ecfa4cc845e": "5.2"
    },
    "django.contrib.auth.middleware:auser": {"baca695689409125": "5.2"},
    "django.contrib.auth.middleware:get_user": {"6aaaac85622299cd": "5.2"},
    "django.contrib.auth:_aget_user_session_key": {"14d5c586202f27fc": "5.2"},
    "django.contrib.auth:_get_user_session_key": {"3ea0fa6fc0782883": "5.2"},
    "django.contrib.auth:aget_user": {"f609d7fa6276e79b": "5.2", "8e2335f732241000": "6.0"},
    "django.contrib.auth:get_user": {"313ac3057953a86e": "5.2"},
    "django.contrib.messages.middleware:MessageMiddleware.process_request": {
        "eb76ea7445886b01": "5.2"
    },
    "django.contrib.messages.middleware:MessageMiddleware.process_response": {
        "5dc43e7e26d7fd23": "5.2"
    },
    "django.contrib.messages.storage.base:BaseStorage.update": {"de8f98024e5fef41": "5.2"},
    "django.contrib.messages.storage.fallback:FallbackStorage.__init__": {
        "93e5c07ce563a328": "5.2"
    },
    "django.contrib.messages.storage.fallback:FallbackStorage._store": {"3b8410f3111921f3": "5.2"},
    "django.contrib.sessions.backends.base:SessionBase._aget_session": {"e00d1095e1062ad5": "5.2"},
    "django.contrib.sessions.backends.base:SessionBase._get_session": {"8d66dfa9aef471f5": "5.2"},
    "django.contrib.sessions.backends.base:SessionBase.acycle_key": {"642b43ec807a3449": "5.2"},
    "django.contrib.sessions.backends.base:SessionBase.aflush": {"3836ea9a92276f03": "5.2"},
    "django.contrib.sessions.backends.base:SessionBase.clear": {"85246986aef7ca58": "5.2"},
    "django.contrib.sessions.backends.base:SessionBase.cycle_key": {"42db87b943a477a1": "5.2"},
    "django.contrib.sessions.backends.base:SessionBase.flush": {"452a22e358ee9bf0": "5.2"},
    "django.contrib.sessions.backends.base:SessionBase.is_empty": {"46f439ea973094f0": "5.2"},
    "django.contrib.sessions.middleware:SessionMiddleware.process_request": {
        "2870e3d31f0a1c19": "5.2"
    },
    "django.contrib.sessions.middleware:SessionMiddleware.process_response": {
        "d2edc1afbe9de4a5": "5.2",
        "6d6cfb417643d404": "5.2.14",
    },
    "django.core.cache.backends.base:BaseCache.close": {"d14b4f19a68771bd": "5.2"},
    "django.core.cache:close_caches": {"4e6bfa2f431b5cb7": "5.2"},
    "django.core.handlers.asgi:ASGIHandler.__call__": {"f3ff9fda78efdbd8": "5.2"},
    "django.core.handlers.asgi:ASGIHandler.handle": {
        "5330f19a1b1587a8": "5.2",
        "be0d385237115242": "6.1",
    },
    "django.core.handlers.asgi:ASGIHandler.read_body": {
        "c5517657a82918ce": "5.2",
        "72c79fcb7e429c1c": "6.0",
    },
    "django.core.handlers.asgi:ASGIHandler.run_get_response": {"adf30fb938e23a6e": "5.2"},
    "django.core.handlers.asgi:ASGIHandler.send_response": {
        "28ae96c872edb63f": "5.2",
        "13e4f7fbd24360de": "6.0",
    },
    "django.core.handlers.asgi:ASGIRequest.close": {"2b6949452e648e25": "5.2"},
    "django.core.handlers.base:BaseHandler._get_response_async": {"619733924fd6e035": "5.2"},
    "django.core.handlers.base:BaseHandler.adapt_method_mode": {"82500ec8242a9a0e": "5.2"},
    "django.core.handlers.base:BaseHandler.get_response_async": {"b1d4c10961784ceb": "5.2"},
    "django.core.handlers.base:BaseHandler.load_middleware": {"1e45aa2d5f934dd1": "5.2"},
    "django.core.handlers.base:BaseHandler.process_exception_by_middleware": {
        "0985199df109ad1c": "5.2"
    },
    "django.core.handlers.base:reset_urlconf": {"52c4db7dd8f1803a": "5.2"},
    "django.core.handlers.exception:convert_exception_to_response": {"730ba7912fd8f667": "5.2"},
    "django.core.handlers.exception:get_exception_response": {"bfa6198032530cd0": "5.2"},
    "django.core.handlers.exception:handle_uncaught_exception": {"1a6fbcd6ed9cdc29": "5.2"},
    "django.core.handlers.exception:response_for_exception": {
        "4e64db18b083ac14": "5.2",
        "7bd2cefad3668947": "5.2.3",
    },
    "django.db:close_old_connections": {"81b7a119db5bcb0f": "5.2"},
    "django.db:reset_queries": {"e76e32e705603e1e": "5.2"},
    "django.dispatch.dispatcher:Signal._live_receivers": {
        "3ece7bf7b423c6de": "5.2",
        "b88239e375f36fe4": "6.0",
    },
    "django.dispatch.dispatcher:Signal.asend": {
        "52651144c2aed762": "5.2",
        "d5251831441db26e": "6.1",
    },
    "django.http.request:HttpRequest._load_post_and_files": {"83ee388a01175e4c": "5.2"},
    "django.http.request:HttpRequest.body": {
        "de895ee331fd8676": "5.2",
        "74f906d0d9ec21b8": "5.2.13",
        "e23ea1edb9416507": "6.0.4",
        "ffe1d0338c8c6a0e": "6.1",
    },
    "django.http.request:HttpRequest.close": {"176ed64f5b76cdeb": "5.2"},
    "django.http.response:HttpResponseBase.close": {"29726ac5186ef7fb": "5.2"},
    "django.http.response:HttpResponseBase.items": {"3633d16760176184": "5.2"},
    "django.http.response:HttpResponseBase.setdefault": {"94c9a967bbe47ebe": "5.2"},
    "django.http.response:ResponseHeaders.__setitem__": {"e1c961b135353d02": "5.2"},
    "django.http.response:ResponseHeaders.setdefault": {"e7f0767ff3a586ec": "5.2"},
    "django.http.response:StreamingHttpResponse.__aiter__": {"3aafac943ebd0287": "5.2"},
    "django.http.response:StreamingHttpResponse.streaming_content": {"089b17a8a6093df8": "5.2"},
    "django.middleware.clickjacking:XFrameOptionsMiddleware.get_xframe_options_value": {
        "2681a30a8ab2d9c2": "5.2"
    },
    "django.middleware.clickjacking:XFrameOptionsMiddleware.process_response": {
        "44ed2c99cc3a34d5": "5.2"
    },
    "django.middleware.common:CommonMiddleware.get_full_path_with_slash": {
        "5462e70097fa6fcf": "5.2"
    },
    "django.middleware.common:CommonMiddleware.process_request": {"0265622c33bd8ef1": "5.2"},
    "django.middleware.common:CommonMiddleware.process_response": {
        "b057974787cceb47": "5.2",
        "ad2564bb00366b9c": "6.0",
    },
    "django.middleware.common:CommonMiddleware.should_redirect_with_slash": {
        "b64f32ec6292f39a": "5.2"
    },
    "django.middleware.csrf:CsrfViewMiddleware._check_token": {"b4e32a64e84d9196": "5.2"},
    "django.middleware.csrf:CsrfViewMiddleware._get_secret": {"86ccb10b5128fe8d": "5.2"},
    "django.middleware.csrf:CsrfViewMiddleware._reject": {"ea01898ff24a983f": "5.2"},
    "django.middleware.csrf:CsrfViewMiddleware._set_csrf_cookie": {"fa7a65022bb015fc": "5.2"},
    "django.middleware.csrf:CsrfViewMiddleware.process_request": {"1f7fb1d68955f0d1": "5.2"},
    "django.middleware.csrf:CsrfViewMiddleware.process_response": {"b9693a8c75d4fa1a": "5.2"},
    "django.middleware.csrf:CsrfViewMiddleware.process_view": {"9957c35962e672cf": "5.2"},
    "django.middleware.security:SecurityMiddleware.process_request": {"23fa8c31037f18e0": "5.2"},
    "django.middleware.security:SecurityMiddleware.process_response": {"f8b0a0be28d95eb4": "5.2"},
    "django.template.loaders.cached:Loader.get_template": {"7d12dec286d97fb1": "5.2"},
    "django.utils.datastructures:CaseInsensitiveMapping.__iter__": {"7511034d7fe1a938": "5.2"},
    "django.utils.deprecation:MiddlewareMixin.__acall__": {"f3655e986b283fda": "5.2"},
    "django.utils.deprecation:MiddlewareMixin.__call__": {"e8c746dfd65aeb37": "5.2"},
    "django.utils.deprecation:MiddlewareMixin.__init__": {"1c6870e9645a54c3": "5.2"},
    "django.utils.functional:LazyObject.__init__": {"0953f29bee218572": "5.2"},
    "django.utils.functional:SimpleLazyObject.__init__": {"c67abc848fed0e81": "5.2"},
    "django.utils.log:log_response": {
        "85642bd0030fc36b": "5.2",
        "edca9d80caa5b27b": "5.2.2",
        "df2e1a66b1a4fa4f": "6.0",
    },
    "django.views.defaults:bad_request": {"92d74495b9a15ec0": "5.2"},
    "django.views.defaults:page_not_found": {"9d5a781784553416": "5.2"},
    "django.views.defaults:permission_denied": {"f52f6461e87822b8": "5.2"},
    "django.views.defaults:server_error": {"ede4971351bf650f": "5.2"},
}
