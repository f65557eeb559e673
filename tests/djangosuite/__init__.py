"""Django's own test suite, judging our classes on the async path.

``python -m tests.djangosuite --cache DIRECTORY`` downloads the source distribution of the
installed Django, and runs its tests four ways:

- ``chain``: the test clients go through our handlers, ASGI through ours too, and wherever Django's
  tests name a middleware of Django's, they get the native class;
- ``direct``: the same, and where a test makes a middleware around a sync function and calls it or
  its hooks, they run as they do under ASGI;
- ``decorators``: as ``chain``, and where they name a decorator or a mixin of Django's, they get ours;
- ``stock``: Django's own classes on Django's own async chain. Only tests that failed are run so: a
  test that fails there too says nothing about us.

What differs must be in ``allowed.py``, with its reason; and what is listed there must differ.
"""
