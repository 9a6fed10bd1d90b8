"""The same work over very many images: on this machine's processors, or on a Ray cluster."""

from reon_export.evaluate.batches.job import BatchOptions, BatchRun, run_batches
from reon_export.evaluate.batches.parts import read_records
from reon_export.evaluate.batches.work import BatchWork, Record

__all__ = ["BatchOptions", "BatchRun", "BatchWork", "Record", "read_records", "run_batches"]
