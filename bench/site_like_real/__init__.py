"""A site like real ones: what many projects have in common, and nothing written for the event loop but its async views."""

from __future__ import annotations
