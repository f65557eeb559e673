"""What is said of a block that cannot wait, or that others have ended."""

from __future__ import annotations

from typing import Final

#: Of a generator of sync code that was open in a sync frame when ``async_to_sync`` returned.
CLOSED_WITH_FRAME: Final = (
    "was closed, with its transaction and cursors, when the async_to_sync() call around it returned. "
    "Await the task that iterates over it before the async code returns."
)


def would_deadlock(block: object, holder: object) -> str:
    """Of a ``block`` in a sync frame, in whose thread ``holder`` must end first."""
    return (
        f"{block} would wait for ever: {holder} is open on the same connection, and needs the "
        "thread that waits in async_to_sync for this very code. Let the task of the one end before "
        "the sync code of the other is called, or call that code outside of the transaction that "
        "both are in."
    )


def waited_too_long(block: object, holder: object, seconds: float) -> str:
    """Of a ``block`` for which ``holder`` did not end."""
    return (
        f"{block} has waited for {seconds:g} s (ASYNCKIT_WORKER_WAIT_SECONDS) for {holder}, which "
        "is open on the same connection. Does that block wait for the task of this one? Blocks of "
        "several tasks on one connection run one after the other."
    )


def ended_with_outer(block: object, outer: object) -> str:
    """Of a ``block`` that was open when ``outer`` ended."""
    return (
        f"{block} was ended, and rolled back, with the block around it, {outer}: await the task "
        "that it is in before the outer block ends."
    )


def ended_with_frame(block: object, *, is_kept: bool = False) -> str:
    """Of a ``block`` in a sync frame that was open when ``async_to_sync`` returned."""
    how = (
        "committed as far as it had got, with what other tasks wrote meanwhile"
        if is_kept
        else "rolled back"
    )
    return (
        f"{block} was ended, and {how}, when the async_to_sync() call around it returned: what "
        "the thread does next must not be part of its transaction. Await the task that it is in, or "
        "close the async generator, before the async code returns."
    )


def ended_with_loop(block: object) -> str:
    """Of a ``block`` whose event loop was closed."""
    return f"{block} was ended, and rolled back: its event loop is closed."


def left_already(block: object) -> str:
    """Of a ``block`` that is left a second time."""
    return f"{block} was ended already."


def ended_too_early(block: object, inside: object) -> str:
    """Of a ``block`` that ends before one ``inside``."""
    return (
        f"{block} ended while a task that was started inside is still in an aatomic block of its "
        f"own: {inside}. All is rolled back: await the task before the block ends."
    )
