"""Channels' router with a websocket consumer beside Django's handler, and beside ours."""

from __future__ import annotations

from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.sessions import SessionMiddlewareStack
from django.core.asgi import get_asgi_application as get_stock_application
from django.urls import path

from django_asynckit.asgi import get_asgi_application


class Echo(AsyncWebsocketConsumer):
    """Answers with what it got and with the color in the session."""

    async def receive(self, text_data=None, bytes_data=None):
        color = await self.scope["session"].aget("color")
        await self.send(text_data=f"{text_data} {color}")


class EchoSync(WebsocketConsumer):
    def receive(self, text_data=None, bytes_data=None):
        self.send(text_data=f"{text_data} {self.scope['session'].get('color')}")


def router(http) -> ProtocolTypeRouter:
    routes = URLRouter([path("ws/", Echo.as_asgi()), path("ws/sync/", EchoSync.as_asgi())])
    return ProtocolTypeRouter({"http": http, "websocket": SessionMiddlewareStack(routes)})


stock = router(get_stock_application())
asynckit = router(get_asgi_application())
