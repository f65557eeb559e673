"""Tests of the worker threads, with real threads, real loops and SQLite files."""
