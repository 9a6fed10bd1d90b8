"""Labelled images, wherever they lie."""

from reon_export.evaluate.datasets.dataset import Dataset, Entry, open_dataset

__all__ = ["Dataset", "Entry", "open_dataset"]
