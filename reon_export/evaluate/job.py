"""From a model folder and a data set to an Evaluation: the order of the steps."""

import shutil
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import numpy as np

from reon_export.errors import DataError
from reon_export.evaluate.batches import BatchOptions, BatchRun, Record, read_records, run_batches
from reon_export.evaluate.choices import CropMode, LabelSource
from reon_export.evaluate.datasets import open_dataset
from reon_export.evaluate.metrics import Figures, McNemar, Tally, compare_paired
from reon_export.evaluate.work import Candidate, EvaluateWork
from reon_export.manifest import Manifest, Verdict, read_manifest
from reon_export.progress import OnProgress, ignore_progress
from reon_export.runtimes.runtime_id import ONNX, TORCH, RuntimeId

REFERENCE = str(TORCH)
WORK_FOLDER = ".work"
_CHUNK = 1024
_MAX_EXAMPLES = 24
MAX_LISTED = 1000  # of images that went wrong; the counts are exact however many there are


@dataclass(frozen=True)
class EvaluateOptions:
    """What `evaluate` is asked. With `other`, both models' ONNX are compared and `runtimes` is not looked at."""

    model_dir: Path
    data: str
    other: Path | None = None
    checkpoint: Path | None = None
    runtimes: tuple[RuntimeId, ...] = (TORCH, ONNX)
    precisions: tuple[str, ...] = ()
    crop: CropMode = "haar"
    labels_from: LabelSource = "folder"
    out: Path = Path("evaluation")
    batches: BatchOptions = field(default_factory=BatchOptions)


@dataclass(frozen=True)
class Example:
    """An image on which two models differ in being right. The labels are keys."""

    path: str
    label: str
    first: str
    second: str


@dataclass(frozen=True)
class Comparison:
    """Two models over the same images, the second against the first."""

    first: str
    second: str
    test: McNemar
    became_right: int
    became_wrong: int
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class Evaluation:
    """What came out. `figures` is by candidate; `failed` lists path and reason of what could not be evaluated."""

    options: EvaluateOptions
    names: tuple[str, str | None]
    labels: tuple[str, ...]
    figures: dict[str, Figures]
    verdicts: dict[str, Verdict]
    counts: dict[str, int]
    failed: tuple[tuple[str, str], ...]
    seconds_by_part: dict[str, float]
    run: BatchRun
    seconds: float
    comparison: Comparison | None = None


@dataclass
class _Sum:
    """What is added up over the records."""

    tallies: dict[str, Tally]
    counts: Counter[str] = field(default_factory=Counter)
    failed: list[tuple[str, str]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    only_first: int = 0
    only_second: int = 0
    examples: list[Example] = field(default_factory=list)


def evaluate(options: EvaluateOptions, on_progress: OnProgress = ignore_progress) -> Evaluation:
    """Evaluate over every image of the data set; one pass, whatever the number of runtimes.

    An interrupted run goes on where it stopped when it is called again with the same options.
    Raises DataError, ManifestError, and what loading the runtimes raises.
    """
    started = time.perf_counter()
    manifest = read_manifest(options.model_dir)
    other = read_manifest(options.other) if options.other else None
    labels = tuple(label.key for label in manifest.spec.labels)
    candidates = _choose(options, manifest, other)
    data = open_dataset(options.data, manifest.spec.labels)
    work = EvaluateWork(data, candidates, labels, options.crop, options.labels_from)
    folder = options.out.resolve() / WORK_FOLDER
    entries = data.entries(with_boxes=options.crop == "boxes", labels_from=options.labels_from)
    run = run_batches(work, entries, folder, options.batches, on_progress)
    total = _add_up(read_records(folder), candidates, labels)
    if not total.counts["ok"]:
        shutil.rmtree(folder)  # else the next run would go on with these answers after the data has been mended
        path, reason = total.failed[0]
        raise DataError(f"no image was classified: the first of {run.entries} that failed: {path}: {reason}")
    figures = {name: tally.figures() for name, tally in total.tallies.items()}
    comparison = _compare(candidates, total) if other else None
    shutil.rmtree(folder)
    return Evaluation(
        options=options,
        names=(manifest.name, other.name if other else None),
        labels=labels,
        figures=figures,
        verdicts={candidate.name: _verdict(candidate, manifest) for candidate in candidates},
        counts=dict(total.counts),
        failed=tuple(total.failed),
        seconds_by_part=dict(total.seconds),
        run=run,
        seconds=time.perf_counter() - started,
        comparison=comparison,
    )


def _choose(options: EvaluateOptions, manifest: Manifest, other: Manifest | None) -> tuple[Candidate, ...]:
    if options.other is not None and other is not None:
        if {label.key for label in manifest.spec.labels} != {label.key for label in other.spec.labels}:
            raise DataError(
                f"{options.model_dir} and {options.other} have different classes; only models of the same classes can "
                "be compared"
            )
        first = Candidate("first", options.model_dir.resolve(), ONNX, "float32")
        return first, replace(first, name="second", model_dir=options.other.resolve())
    backends = [runtime for runtime in options.runtimes if runtime.in_browser]
    if len(backends) > 1:
        raise DataError(
            f"--runtimes has {' and '.join(map(str, backends))}: the page runs one runtime at a time, name one"
        )
    candidates = []
    for runtime in options.runtimes:
        held = [artefact.precision for artefact in manifest.artefacts if artefact.runtime == "tfjs"]
        precisions = options.precisions or held if runtime.in_browser else ["float32"]
        for precision in precisions:
            if runtime.in_browser:
                manifest.artefact("tfjs", precision)
            name = REFERENCE if runtime == TORCH else f"{runtime} {precision}"
            checkpoint = options.checkpoint and options.checkpoint.resolve()
            candidates.append(Candidate(name, options.model_dir.resolve(), runtime, precision, checkpoint))
    return tuple(candidates)


def _verdict(candidate: Candidate, manifest: Manifest) -> Verdict:
    """The gate of the artefact at build time; torch is what the gates compare with."""
    if candidate.runtime == TORCH:
        return "passed"
    own = manifest if candidate.name != "second" else read_manifest(candidate.model_dir)
    return own.artefact("onnx" if candidate.runtime == ONNX else "tfjs", candidate.precision).verdict


def _add_up(records: Iterator[Record], candidates: tuple[Candidate, ...], labels: tuple[str, ...]) -> _Sum:
    total = _Sum({candidate.name: Tally(labels) for candidate in candidates})
    index = {label: position for position, label in enumerate(labels)}
    while chunk := list(islice(records, _CHUNK)):
        for record in chunk:
            total.counts[record["status"]] += 1
            if record["status"] != "ok" and len(total.failed) < MAX_LISTED:
                total.failed.append((record["path"], record.get("reason", record["status"].replace("_", " "))))
            for part, seconds in record["seconds"].items():
                total.seconds[part] += seconds
        known = [record for record in chunk if record["status"] == "ok"]
        if not known:
            continue
        true = np.array([index[record["label"]] for record in known], np.intp)
        given = {name: np.array([record["p"][name] for record in known], np.float64) for name in total.tallies}
        for name, tally in total.tallies.items():
            tally.add(true, given[name], given.get(REFERENCE) if name != REFERENCE else None)
        if "second" in given:
            _note_changes(total, known, labels, (given["first"].argmax(axis=1), given["second"].argmax(axis=1)))
    return total


def _note_changes(total: _Sum, records: Iterable[Record], labels: tuple[str, ...], tops: tuple[object, object]) -> None:
    for record, first, second in zip(records, *tops, strict=True):  # type: ignore[call-overload]
        was_right, is_right = labels[first] == record["label"], labels[second] == record["label"]
        total.only_first += was_right and not is_right
        total.only_second += is_right and not was_right
        if was_right != is_right and len(total.examples) < _MAX_EXAMPLES:
            total.examples.append(Example(record["path"], record["label"], labels[first], labels[second]))


def _compare(candidates: tuple[Candidate, ...], total: _Sum) -> Comparison:
    first, second = (candidate.model_dir.name for candidate in candidates)
    test = compare_paired(total.only_first, total.only_second)
    return Comparison(first, second, test, total.only_second, total.only_first, tuple(total.examples))
