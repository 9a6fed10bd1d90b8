"""Works for the batch tests; importable by worker processes."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from reon_export.evaluate.batches import Record
from reon_export.evaluate.datasets import Entry


@dataclass(frozen=True)
class NamesWork:
    """Gives back each path; notes every run of a batch in `log`; ends its own process as `kill` says.

    `kill` is the path at which a worker kills itself with SIGKILL: for ever (`times` < 0) or so many times.
    """

    log: Path
    kill: str = ""
    times: int = 0

    @property
    def fingerprint(self) -> str:
        return "names"

    @contextmanager
    def open(self) -> Iterator[Callable[[Sequence[Entry]], list[Record]]]:
        self.log.mkdir(parents=True, exist_ok=True)

        def process(entries: Sequence[Entry]) -> list[Record]:
            paths = [entry.path for entry in entries]
            kills = len(list(self.log.glob("kill-*")))
            if self.kill in paths and (self.times < 0 or kills < self.times):
                (self.log / f"kill-{kills}").touch()
                os.kill(os.getpid(), signal.SIGKILL)
            runs = len(list(self.log.glob(f"{paths[0]}-*")))
            (self.log / f"{paths[0]}-{runs}").touch()
            return [{"path": path, "label": entry.label} for path, entry in zip(paths, entries, strict=True)]

        yield process
