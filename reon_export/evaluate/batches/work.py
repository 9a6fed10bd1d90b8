"""What a batch job does to a batch, and how a worker keeps what it has opened."""

import multiprocessing.util
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Any, Protocol

from reon_export.evaluate.datasets import Entry

Record = dict[str, Any]
Process = Callable[[Sequence[Entry]], list[Record]]


class BatchWork(Protocol):
    """Work that can be sent to another process. `fingerprint` tells two works apart that would give other records."""

    @property
    def fingerprint(self) -> str:
        """Equal for equal work: a job is only resumed by the work that began it."""
        ...

    def open(self) -> AbstractContextManager[Process]:
        """Load what is slow to load; once in each worker. The function gives a JSON-able record for each entry."""
        ...


class Worker:
    """The work, opened when the first batch comes."""

    def __init__(self, work: BatchWork) -> None:
        self._work = work
        self._stack = ExitStack()
        self._process: Process | None = None
        # Runs at the end of a worker process, which runs no atexit handler: a browser must not outlive it.
        multiprocessing.util.Finalize(self, self._stack.close, exitpriority=10)

    def __call__(self, entries: Sequence[Entry]) -> list[Record]:
        """The records of one batch, in its order."""
        if self._process is None:
            self._process = self._stack.enter_context(self._work.open())
        records = self._process(entries)
        if len(records) != len(entries):
            raise RuntimeError(f"{len(records)} records for {len(entries)} entries")
        return records
