"""Tests of the ASGI handler, most of them against Django's own."""
