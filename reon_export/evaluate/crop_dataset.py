"""A data set of photographs to a data set of face crops, once.

A crop is the square window of `reon_export.faces.crop`, not resized, and written without loss (PNG): the model then
gives the same answer for the crop as for the photograph. `jpeg` is smaller, and lossy.

    OUT/<the photograph's path>.png     so that class folders stay class folders
    OUT/crops.jsonl                     a line a photograph: its path, label, SHA-256 and status; for a crop its box
                                        (pixels of the photograph), file, size and SHA-256
    OUT/no_face.txt, unreadable.txt     the photographs without a crop (no face, no box, no label; not decodable)
    OUT/.job/                           while it runs: what is done (see `reon_export.evaluate.batches.parts`)
"""

import hashlib
import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import cv2

from reon_export.atomic import replace_file
from reon_export.errors import DataError
from reon_export.evaluate.batches import BatchOptions, BatchRun, Record, read_records, run_batches
from reon_export.evaluate.choices import CropFormat, CropSource, LabelSource
from reon_export.evaluate.datasets import Dataset, Entry, open_dataset
from reon_export.evaluate.read_entry import EntryReader
from reon_export.faces.crop import Image, cut_square, square_crop
from reon_export.faces.haar import HaarDetector
from reon_export.progress import OnProgress, ignore_progress
from reon_export.spec import ModelSpec

RECORDS_NAME, JOB_FOLDER = "crops.jsonl", ".job"
_SUFFIXES = {"png": ".png", "jpeg": ".jpg"}
_JPEG_QUALITY = 95


@dataclass(frozen=True)
class CropWork:
    """Reads a photograph, finds its face, writes the crop; a record an image (see the module's text)."""

    data: Dataset
    out: Path
    margin: float
    source: CropSource
    format: CropFormat
    labels_from: LabelSource = "folder"

    @property
    def fingerprint(self) -> str:
        """What decides the crops."""
        return json.dumps(["crop", self.data.root, self.margin, self.source, self.format, self.labels_from])

    @contextmanager
    def open(self) -> Iterator[Callable[[Sequence[Entry]], list[Record]]]:
        """Load the detector."""
        reader = EntryReader(
            self.data,
            HaarDetector() if self.source == "haar" else None,
            needs_box=True,
            margin=self.margin,
            with_hash=True,
        )
        yield lambda entries: [self._crop(entry, reader) for entry in entries]

    def _crop(self, entry: Entry, reader: EntryReader) -> Record:
        record, found = reader.read(entry)
        if found is None or found.box is None:
            return record
        started = time.perf_counter()
        # The folder of an image names the uploader's label; a crop must lie in the folder of its own.
        place = entry.path if self.labels_from == "folder" else f"{entry.label}/{entry.path}"
        written = self._write(place, cut_square(found.image_rgb, square_crop(found.box, self.margin)))
        record["seconds"]["write"] = time.perf_counter() - started
        return {**record, **written, "box": found.box._asdict()}

    def _write(self, path: str, crop_rgb: Image) -> Record:
        suffix = _SUFFIXES[self.format]
        quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY] if self.format == "jpeg" else []
        content = cv2.imencode(suffix, cv2.cvtColor(crop_rgb, cv2.COLOR_RGB2BGR), quality)[1].tobytes()
        target = self.out / safe_path(path + suffix)
        target.parent.mkdir(parents=True, exist_ok=True)
        replace_file(target, content)
        name = target.relative_to(self.out).as_posix()
        return {"crop": name, "crop_bytes": len(content), "crop_sha256": hashlib.sha256(content).hexdigest()}


@dataclass(frozen=True)
class CropRun:
    """What came out, with seconds by part, added up over all workers."""

    out: Path
    run: BatchRun
    counts: dict[str, int]
    source_bytes: int
    crop_bytes: int
    seconds: float
    seconds_by_part: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class CropOptions:
    """What `crop_dataset` is asked; `spec` gives the classes and the margin."""

    data: str
    out: Path
    spec: ModelSpec
    source: CropSource = "haar"
    format: CropFormat = "png"
    labels_from: LabelSource = "folder"
    batches: BatchOptions = field(default_factory=BatchOptions)


def crop_dataset(options: CropOptions, on_progress: OnProgress = ignore_progress) -> CropRun:
    """Cut every photograph of a data set; an interrupted run goes on where it stopped.

    Raises DataError, also when `out` holds anything that is not an unfinished job of this very kind.
    """
    started = time.perf_counter()
    # Absolute: workers of Ray start in a folder of their own.
    out = options.out.resolve()
    job = out / JOB_FOLDER
    if out.exists() and not out.is_dir():
        raise DataError(f"{out} is a file; give a folder to make the crops in")
    if out.is_dir() and any(out.iterdir()) and not job.is_dir():
        done = " (its crops are finished)" if (out / RECORDS_NAME).is_file() else ""
        raise DataError(f"{out} is not empty{done}; choose another folder, or delete it first")
    data = open_dataset(options.data, options.spec.labels)
    out.mkdir(parents=True, exist_ok=True)
    work = CropWork(data, out, options.spec.crop.margin, options.source, options.format, options.labels_from)
    entries = data.entries(with_boxes=options.source == "boxes", labels_from=options.labels_from)
    run = run_batches(work, entries, job, options.batches, on_progress)
    totals = _write_lists(out, read_records(job))
    shutil.rmtree(job)
    return CropRun(out, run, *totals[:3], time.perf_counter() - started, totals[3])


def safe_path(path: str) -> PurePosixPath:
    """A path that stays below where it is put, whatever an archive says its members are called.

    Raises DataError if it does not.
    """
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or "\\" in path or "\0" in path:
        raise DataError(f"the image path {path!r} leaves its folder; nothing was written for it, repair the data set")
    return pure


def _write_lists(out: Path, records: Iterator[Record]) -> tuple[dict[str, int], int, int, dict[str, float]]:
    counts: Counter[str] = Counter()
    seconds: Counter[str] = Counter()
    source_bytes = crop_bytes = 0
    unfinished = out / f".{RECORDS_NAME}"
    with (
        unfinished.open("w", encoding="utf-8", errors="surrogateescape") as lines,
        (out / "no_face.txt").open("w", encoding="utf-8", errors="surrogateescape") as no_face,
        (out / "unreadable.txt").open("w", encoding="utf-8", errors="surrogateescape") as unreadable,
    ):
        for record in records:
            for part, spent in record.pop("seconds").items():
                seconds[part] += spent
            counts[record["status"]] += 1
            source_bytes += record.get("bytes", 0) if record["status"] == "ok" else 0
            crop_bytes += record.get("crop_bytes", 0)
            lines.write(json.dumps(record, ensure_ascii=False) + "\n")
            if record["status"] in ("no_face", "no_box", "no_label"):
                no_face.write(record["path"] + "\n")
            elif record["status"] == "unreadable":
                unreadable.write(f"{record['path']}\t{record['reason']}\n")
    unfinished.replace(out / RECORDS_NAME)
    return dict(counts), source_bytes, crop_bytes, dict(seconds)
