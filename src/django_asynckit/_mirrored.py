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
    ],
    "django_asynckit.middleware.security.SecurityMiddleware": [
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
        "d1609116df008b20": "5.2"
    },
    "django.contrib.auth.middleware:auser": {"baca695689409125": "5.2"},
    "django.contrib.auth.middleware:get_user": {"6aaaac85622299cd": "5.2"},
    "django.contrib.auth:aget_user": {
        "f609d7fa6276e79b": "5.2",
        "8e2335f732241000": "6.0",
    },
    "django.contrib.auth:get_user": {"313ac3057953a86e": "5.2"},
    "django.contrib.messages.middleware:MessageMiddleware.process_request": {
        "25fcd7e59731d294": "5.2"
    },
    "django.contrib.messages.middleware:MessageMiddleware.process_response": {
        "4323aaeb5ec18587": "5.2"
    },
    "django.contrib.messages.storage.base:BaseStorage.update": {
        "b2f34b30602743fe": "5.2"
    },
    "django.contrib.messages.storage.fallback:FallbackStorage.__init__": {
        "868d1e345308741e": "5.2"
    },
    "django.contrib.messages.storage.fallback:FallbackStorage._store": {
        "ffb7fc2f4d1d4c20": "5.2"
    },
    "django.contrib.sessions.backends.base:SessionBase._get_session": {
        "23bcf4e1f5fc83b8": "5.2"
    },
    "django.contrib.sessions.backends.base:SessionBase.is_empty": {
        "ae4f7e6700ff5967": "5.2"
    },
    "django.contrib.sessions.middleware:SessionMiddleware.process_request": {
        "f2a590e04a4631d2": "5.2"
    },
    "django.contrib.sessions.middleware:SessionMiddleware.process_response": {
        "8fb6edf09f3b085c": "5.2",
        "3fa1ee9fbb613fc7": "5.2.14",
    },
    "django.core.cache.backends.base:BaseCache.close": {"d5b5313fbc05f7dd": "5.2"},
    "django.core.cache:close_caches": {"4e6bfa2f431b5cb7": "5.2"},
    "django.core.handlers.asgi:ASGIHandler.__call__": {"863b0ebfd52a1b42": "5.2"},
    "django.core.handlers.asgi:ASGIHandler.handle": {
        "e2746f2d1f18d1f5": "5.2",
        "23b461c6923a03f7": "6.1",
    },
    "django.core.handlers.asgi:ASGIHandler.read_body": {
        "6ef474dfa591c4e4": "5.2",
        "e6948980ece304d3": "6.0",
    },
    "django.core.handlers.asgi:ASGIHandler.run_get_response": {
        "b02dd4c751cbaeab": "5.2"
    },
    "django.core.handlers.asgi:ASGIHandler.send_response": {
        "d150d18dec173c79": "5.2",
        "72bffe1e051c4376": "6.0",
    },
    "django.core.handlers.asgi:ASGIRequest.close": {"bf3ee5d77e0949cd": "5.2"},
    "django.core.handlers.base:BaseHandler._get_response_async": {
        "f52b3753cef8d1c0": "5.2"
    },
    "django.core.handlers.base:BaseHandler.adapt_method_mode": {
        "18bcc3d366f3f719": "5.2"
    },
    "django.core.handlers.base:BaseHandler.get_response_async": {
        "d678a28b8da399ae": "5.2"
    },
    "django.core.handlers.base:BaseHandler.load_middleware": {
        "494dffb5669ca418": "5.2"
    },
    "django.core.handlers.base:BaseHandler.process_exception_by_middleware": {
        "69b53f9855580410": "5.2"
    },
    "django.core.handlers.base:reset_urlconf": {"52c4db7dd8f1803a": "5.2"},
    "django.core.handlers.exception:convert_exception_to_response": {
        "730ba7912fd8f667": "5.2"
    },
    "django.core.handlers.exception:get_exception_response": {
        "bfa6198032530cd0": "5.2"
    },
    "django.core.handlers.exception:handle_uncaught_exception": {
        "1a6fbcd6ed9cdc29": "5.2"
    },
    "django.core.handlers.exception:response_for_exception": {
        "4e64db18b083ac14": "5.2",
        "7bd2cefad3668947": "5.2.3",
    },
    "django.db:close_old_connections": {"81b7a119db5bcb0f": "5.2"},
    "django.db:reset_queries": {"e76e32e705603e1e": "5.2"},
    "django.dispatch.dispatcher:Signal._live_receivers": {
        "164aab5c4b6c345f": "5.2",
        "8fd8f9c50d9c76f8": "6.0",
    },
    "django.dispatch.dispatcher:Signal.asend": {
        "65b57f07ac8c491b": "5.2",
        "116f4b4201c0fd26": "6.1",
    },
    "django.http.request:HttpRequest._load_post_and_files": {"160383d1dbdc7766": "5.2"},
    "django.http.request:HttpRequest.body": {
        "b5cf3c627b3eff41": "5.2",
        "e594c9d9cd11e343": "5.2.13",
        "907dc3229c5b4f7a": "6.0.4",
        "9da41d0633650685": "6.1",
    },
    "django.http.request:HttpRequest.close": {"f75aebdc190f3a9d": "5.2"},
    "django.http.response:HttpResponseBase.close": {"f3775a61a5c9a610": "5.2"},
    "django.http.response:HttpResponseBase.items": {"c3e0034b134e0920": "5.2"},
    "django.http.response:StreamingHttpResponse.__aiter__": {"debb00ac56802ac4": "5.2"},
    "django.http.response:StreamingHttpResponse.streaming_content": {
        "0e839160f6ad472a": "5.2"
    },
    "django.middleware.clickjacking:XFrameOptionsMiddleware.get_xframe_options_value": {
        "c80ac7b4524e6539": "5.2"
    },
    "django.middleware.clickjacking:XFrameOptionsMiddleware.process_response": {
        "bed41b7f2dd43467": "5.2"
    },
    "django.middleware.common:CommonMiddleware.get_full_path_with_slash": {
        "22929ce1b5f69959": "5.2"
    },
    "django.middleware.common:CommonMiddleware.process_request": {
        "fc22b602a9877f9a": "5.2"
    },
    "django.middleware.common:CommonMiddleware.process_response": {
        "1459b9e9b9263d63": "5.2",
        "5f9bf0b8cf0fb564": "6.0",
    },
    "django.middleware.common:CommonMiddleware.should_redirect_with_slash": {
        "606b68fe67e6ade1": "5.2"
    },
    "django.middleware.csrf:CsrfViewMiddleware._check_token": {
        "7526290e2155c284": "5.2"
    },
    "django.middleware.csrf:CsrfViewMiddleware._get_secret": {
        "5477dbe273de2d55": "5.2"
    },
    "django.middleware.csrf:CsrfViewMiddleware._reject": {"6f0955e709fdc45e": "5.2"},
    "django.middleware.csrf:CsrfViewMiddleware._set_csrf_cookie": {
        "672ae8e578f2a23b": "5.2"
    },
    "django.middleware.csrf:CsrfViewMiddleware.process_request": {
        "5ebd0b3a6da9aadd": "5.2"
    },
    "django.middleware.csrf:CsrfViewMiddleware.process_response": {
        "0716d841bc16b7a9": "5.2"
    },
    "django.middleware.csrf:CsrfViewMiddleware.process_view": {
        "a00fb819d6b40570": "5.2"
    },
    "django.middleware.security:SecurityMiddleware.process_request": {
        "4be40bbddbf1fb6a": "5.2"
    },
    "django.middleware.security:SecurityMiddleware.process_response": {
        "7f4f201ebbab177a": "5.2"
    },
    "django.template.loaders.cached:Loader.get_template": {"d2115f0b4fad9ff8": "5.2"},
    "django.utils.datastructures:CaseInsensitiveMapping.__iter__": {
        "09cb01fa9b5926f1": "5.2"
    },
    "django.utils.deprecation:MiddlewareMixin.__acall__": {"3370bbdcb8fbcab4": "5.2"},
    "django.utils.deprecation:MiddlewareMixin.__call__": {"207122123fce33be": "5.2"},
    "django.utils.deprecation:MiddlewareMixin.__init__": {"d1260458cc568f80": "5.2"},
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
