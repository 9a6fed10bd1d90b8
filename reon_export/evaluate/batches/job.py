"""Runs a work over entries in batches, resumably, on either executor."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from reon_export.errors import DataError
from reon_export.evaluate.batches.local import run_local
from reon_export.evaluate.batches.on_ray import run_on_ray
from reon_export.evaluate.batches.parts import begin_job
from reon_export.evaluate.batches.work import BatchWork
from reon_export.evaluate.choices import Executor
from reon_export.evaluate.datasets import Entry
from reon_export.progress import OnProgress, ignore_progress


@dataclass(frozen=True)
class BatchOptions:
    """Where and how a job runs. `workers` are processes here, or actors of Ray."""

    executor: Executor = "local"
    workers: int = 1
    batch_size: int = 64


@dataclass(frozen=True)
class BatchRun:
    """How many entries there are, and how many of their batches were found done already."""

    entries: int
    batches: int
    resumed: int


def run_batches(
    work: BatchWork,
    entries: Iterable[Entry],
    folder: Path,
    options: BatchOptions,
    on_progress: OnProgress = ignore_progress,
) -> BatchRun:
    """Run `work` over `entries` and leave the records in `folder`, for `read_records`.

    What an earlier run of the same work left there is not done again. Progress is told as images.
    Raises DataError, SetupError, and whatever the work raises.
    """
    size = options.batch_size
    if options.workers < 1 or size < 1:
        raise DataError(f"{options.workers} workers and batches of {size} cannot be, expected 1 or more of each")
    job = begin_job(folder, work.fingerprint, entries, size)
    done = resumed = job.done
    run = run_local if options.executor == "local" else run_on_ray
    on_progress("images", min(done * size, job.entries), job.entries)
    if done < job.batches:
        for number, records in run(work, job, options.workers):
            job.write_part(number, records)
            done += 1
            on_progress("images", min(done * size, job.entries), job.entries)
    return BatchRun(job.entries, job.batches, resumed)
