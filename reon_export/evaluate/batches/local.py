"""Batches on this machine's processors."""

import multiprocessing
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice

from reon_export.errors import DataError
from reon_export.evaluate.batches.parts import Batch, JobFolder
from reon_export.evaluate.batches.work import BatchWork, Record, Worker
from reon_export.evaluate.datasets import Entry

MAX_ATTEMPTS = 3  # a worker may be killed for memory by chance; a batch that ends three is at fault itself

_workers: dict[bytes, Worker] = {}  # in a worker process: the one that it keeps open


def run_local(work: BatchWork, job: JobFolder, workers: int) -> Iterator[tuple[int, list[Record]]]:
    """Run the pending batches; yields a batch's number and records as they come.

    When a worker dies, those batches that were under way are run again one at a time, so that the one at fault is
    known. Raises DataError that names a batch which, alone, ends its worker MAX_ATTEMPTS times.
    """
    pending = job.pending()
    suspects: list[Batch] = []
    attempts: Counter[int] = Counter()
    while True:
        try:
            with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
                while suspects:
                    attempts[suspects[0].number] += 1
                    yield suspects[0].number, pool.submit(_run, work, job.read_entries(suspects[0])).result()
                    suspects.pop(0)
                yield from _run_all(pool, work, job, pending, workers, suspects)
            return
        except BrokenProcessPool:
            if attempts[suspects[0].number] >= MAX_ATTEMPTS:
                raise _blame(job.read_entries(suspects[0]), suspects[0].number) from None


def _blame(entries: list[Entry], number: int) -> DataError:
    return DataError(
        f"batch {number} ended its worker process {MAX_ATTEMPTS} times (out of memory?): one of its {len(entries)} "
        f"images, from {entries[0].path} to {entries[-1].path}, is at fault; take it out, or use a smaller --batch-size"
    )


def _run_all(
    pool: ProcessPoolExecutor,
    work: BatchWork,
    job: JobFolder,
    pending: Iterator[Batch],
    workers: int,
    under_way: list[Batch],
) -> Iterator[tuple[int, list[Record]]]:
    """`under_way` lists what was begun and is not done: what is left in it after a break is run again."""
    futures: dict[Future[list[Record]], Batch] = {}

    def submit(count: int) -> None:
        for batch in islice(pending, count):
            under_way.append(batch)
            futures[pool.submit(_run, work, job.read_entries(batch))] = batch

    submit(2 * workers)  # one under way and one waiting for each: memory does not grow with the data
    while futures:
        finished, _ = wait(futures, return_when=FIRST_COMPLETED)
        for future in finished:
            batch = futures.pop(future)
            records = future.result()
            under_way.remove(batch)
            yield batch.number, records
        submit(len(finished))


def _run(work: BatchWork, entries: list[Entry]) -> list[Record]:
    key = work.fingerprint.encode()
    if key not in _workers:
        _workers[key] = Worker(work)
    return _workers[key](entries)
