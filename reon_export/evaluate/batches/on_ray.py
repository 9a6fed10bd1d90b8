"""Batches on Ray: this machine, or the cluster that RAY_ADDRESS names.

Ray Data hands the numbers of the batches to a pool of actors, each of which opens the work once; a killed actor is
started again by Ray and its batch run again. The records come back to the driver, which alone writes parts. On a
cluster the job's folder (for entries.jsonl) and the data must lie where every machine reaches them.
"""

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reon_export.errors import DataError, SetupError
from reon_export.evaluate.batches.parts import Batch, JobFolder
from reon_export.evaluate.batches.work import BatchWork, Record, Worker


def run_on_ray(work: BatchWork, job: JobFolder, workers: int) -> Iterator[tuple[int, list[Record]]]:
    """Run the pending batches; yields a batch's number and records as they come. Raises SetupError without Ray."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anybody
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise SetupError("--executor ray needs Ray, which is not installed; pip install 'reon_export[ray]'") from error

    pending = [{"number": batch.number, "offset": batch.offset, "size": batch.size} for batch in job.pending()]
    if not pending:
        return
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.ERROR)
    started_here = not ray.is_initialized()
    if started_here:
        address = os.environ.get("RAY_ADDRESS")
        local: dict[str, Any] = {} if address else {"num_cpus": workers + 1, "include_dashboard": False}
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **local)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    try:
        rows = ray.data.from_items(pending, override_num_blocks=len(pending)).map_batches(
            _Actor,
            fn_constructor_args=(work, str(job.folder), job.entries, job.batch_size),
            batch_size=1,
            concurrency=workers,
            num_cpus=1,
        )
        for row in rows.iter_rows():
            yield int(row["number"]), json.loads(row["records"])
    except ray.exceptions.RayError as error:
        reason = " ".join(str(error).split())
        raise DataError(f"Ray could not finish the job: {reason[-400:]}; what is done is kept, run it again") from error
    finally:
        if started_here:
            ray.shutdown()


class _Actor:
    """One worker: Ray Data makes it once and calls it for one batch after another."""

    def __init__(self, work: BatchWork, folder: str, entries: int, batch_size: int) -> None:
        self._worker = Worker(work)
        self._job = JobFolder(Path(folder), entries, batch_size)

    def __call__(self, rows: dict[str, Any]) -> dict[str, list[Any]]:
        (number,), (offset,), (size,) = rows["number"], rows["offset"], rows["size"]
        records = self._worker(self._job.read_entries(Batch(int(number), int(offset), int(size))))
        return {"number": [int(number)], "records": [json.dumps(records)]}
