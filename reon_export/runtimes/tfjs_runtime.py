"""A TF.js artefact in a real browser."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from reon_export.errors import UnavailableError
from reon_export.progress import OnProgress, ignore_progress
from reon_export.runtimes.page_session import PageSession
from reon_export.runtimes.predictions import Array, Crops, Predictions
from reon_export.runtimes.runtime import classify_in_batches
from reon_export.runtimes.runtime_id import RuntimeId


class TfjsRuntime:
    """One artefact on one backend, run by the same js/inference/classifier.js that the page uses."""

    def __init__(self, runtime: RuntimeId, session: PageSession, loaded: dict[str, Any]) -> None:
        """Wrap what the parity page has loaded."""
        self.id = runtime
        self.labels: tuple[str, ...] = tuple(loaded["labels"])
        self.version: str = loaded["version"]
        self.threads: int | None = loaded["threads"]
        self.is_half_float: bool = loaded["isHalfFloat"]
        self._precision: str = loaded["precision"]
        self._session = session

    def __call__(self, crops_rgb: Crops, on_progress: OnProgress = ignore_progress) -> Predictions:
        """See Runtime. Raises ParityError with the page's own words."""

        def run(batch: Crops) -> tuple[Array, Array]:
            data = base64.b64encode(batch.tobytes()).decode("ascii")
            answer = self._session.call("classify", data, len(batch), self._precision)
            return _decode(answer["logits"], len(batch)), _decode(answer["probabilities"], len(batch))

        return classify_in_batches(run, crops_rgb, self, on_progress)


@contextmanager
def load_tfjs(session: PageSession, runtime: RuntimeId, precision: str, *, keep: bool = False) -> Iterator[TfjsRuntime]:
    """Load one artefact on one backend; with `keep` beside those that are loaded already, on the same backend.

    Threads are the session's (see `open_page_session`). Raises UnavailableError if that backend does not start, or if
    threads are asked for and there is only one.
    """
    options = {
        "manifestUrl": "model/manifest.json",
        "precision": precision,
        "backend": runtime.page_backend,
        "keep": keep,
    }
    loaded = session.call("load", options)
    if "unavailable" in loaded:
        raise UnavailableError(loaded["unavailable"])
    try:
        started = {loaded["backend"], f"{loaded['backend']}:{loaded['variant']}"}
        if runtime.page_backend not in started:
            raise UnavailableError(f"the page started {loaded['backend']}, expected {runtime.page_backend}")
        if runtime.threads and (loaded["threads"] or 1) < 2:
            raise UnavailableError(f"TF.js got {loaded['threads']} thread in this browser, expected two or more")
        yield TfjsRuntime(runtime, session, loaded)
    finally:
        session.call("unload")


def _decode(data: str, count: int) -> Array:
    return np.frombuffer(base64.b64decode(data), "<f4").reshape(count, -1)
