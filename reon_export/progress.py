"""How a long job reports what it has done."""

from typing import Protocol


class OnProgress(Protocol):
    """Called with what is running, how many of it are done, and how many there are."""

    def __call__(self, name: str, done: int, total: int, /) -> None:
        """Show it."""
        ...


def ignore_progress(name: str, done: int, total: int, /) -> None:
    """For callers that show nothing."""
    del name, done, total
