"""parity.json: its schema, how a run becomes one, and how it is read back.

Every figure is a finite number or null. Null means: not measured, or (in a gate) no bound. Pixels are left out.
Probabilities and top-1 agreement are 0..1, KL is in nats, pixels are in steps of 0..255, times are in seconds,
`started_at` is ISO 8601 in UTC. Names and meanings are those of reon_export.parity.records and .compare.
"""

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, ValidationError, model_validator

from reon_export.errors import ParityError
from reon_export.manifest import Verdict
from reon_export.parity.records import ParityRun
from reon_export.spec import Record, first_problem

SCHEMA_VERSION = 1
_PIXELS = "crop_rgb"

Number = Annotated[float, Field(allow_inf_nan=False)]
Figure = Number | None
Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class GateEntry(Record):
    """The bounds that a measurement was held against; null where there is none."""

    max_abs_prob: Figure
    min_top1: Share
    max_abs_logit: Figure


class FlipEntry(Record):
    """A crop whose top label changed; `margin` is between the reference's two best probabilities."""

    sample: Count
    expected: str
    actual: str
    margin: Number


class MeasurementEntry(Record):
    """How far a runtime is from PyTorch. With `problems` nothing was compared: every figure is null."""

    samples: Count
    problems: tuple[str, ...]
    max_abs_prob: Figure
    mean_abs_prob: Figure
    max_abs_logit: Figure
    mean_abs_logit: Figure
    top1_agreement: Share | None
    mean_kl: Figure
    max_kl: Figure
    worst_sample: int
    flips: tuple[FlipEntry, ...]
    max_abs_prob_by_sample: tuple[Figure, ...]


class WorstEntry(Record):
    """The crop with the largest |Δp| and both answers, in the order of `labels`."""

    name: str
    expected: tuple[Figure, ...]
    actual: tuple[Figure, ...]


class CellEntry(Record):
    """Rung 1: one runtime x precision in one engine (empty for Python)."""

    runtime: str
    precision: str
    engine: str
    verdict: Verdict
    reasons: tuple[str, ...]
    gate: GateEntry | None
    measurement: MeasurementEntry | None
    worst: WorstEntry | None
    seconds_per_crop: Figure
    facts: dict[str, str]

    @model_validator(mode="after")
    def _verdict_has_grounds(self) -> "CellEntry":
        measured = self.measurement is not None and not self.measurement.problems
        if self.verdict == "passed" and not (measured and self.gate):
            raise ValueError(f"{self.runtime} {self.precision} passed without a measurement and a gate")
        if self.verdict == "not_run" and self.measurement is not None:
            raise ValueError(f"{self.runtime} {self.precision} was not run and has a measurement")
        return self


class PixelCaseEntry(Record):
    """Rung 2: one image; `problem` says why it could not be compared, and `max_abs` is then -1."""

    name: str
    kind: Literal["lossless", "jpeg"]
    max_abs: int
    mean_abs: Figure
    problem: str


class ImageRungEntry(Record):
    """Rung 2 in one browser."""

    engine: str
    verdict: Verdict
    reasons: tuple[str, ...]
    cases: tuple[PixelCaseEntry, ...]
    max_abs_prob_lossless: Figure
    max_abs_prob_jpeg: Figure


class PhotoShiftEntry(Record):
    """Rung 3: what the other detector does, over the photographs in which both found a face."""

    both: Count
    mean_iou: Figure
    mean_offset_x: Figure
    mean_offset_y: Figure
    mean_log_scale: Figure
    mean_abs_prob: Figure
    max_abs_prob: Figure
    top1_agreement: Share | None


class PhotoRungEntry(Record):
    """Rung 3 in one browser."""

    engine: str
    verdict: Verdict
    reasons: tuple[str, ...]
    photos: Count
    haar_only: Count
    browser_only: Count
    neither: Count
    plain: PhotoShiftEntry | None
    corrected: PhotoShiftEntry | None


class Report(Record):
    """The content of parity.json."""

    # "schema" itself is a method of pydantic's models.
    schema_version: Literal[1] = Field(alias="schema")
    verdict: Verdict
    model: str
    source_sha256: str
    labels: tuple[str, ...]
    input_size: int
    samples: Count
    cells: tuple[CellEntry, ...]
    images: tuple[ImageRungEntry, ...]
    photos: tuple[PhotoRungEntry, ...]
    started_at: str
    seconds: Number
    tools: dict[str, str]
    allow_missing: tuple[str, ...]

    @model_validator(mode="after")
    def _verdict_follows_from_parts(self) -> "Report":
        parts: tuple[CellEntry | ImageRungEntry | PhotoRungEntry, ...] = (*self.cells, *self.images, *self.photos)
        verdicts = {part.verdict for part in parts}
        if self.verdict == "passed" and ("failed" in verdicts or "passed" not in verdicts):
            raise ValueError(f"passed as a whole, but its parts are {', '.join(sorted(verdicts)) or 'missing'}")
        return self


def make_report(run: ParityRun) -> Report:
    """The run without its pixels. Raises ParityError if it contradicts itself (passed without a measurement, ...)."""
    content = {"schema": SCHEMA_VERSION, "verdict": run.verdict, **_plain_fields(run)}
    try:
        return Report.model_validate(content)
    except ValidationError as error:
        raise ParityError(f"this parity run contradicts itself: {first_problem(error)}") from error


def read_report(path: Path) -> Report:
    """Read and validate a parity.json. Raises ParityError."""
    try:
        return Report.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ParityError(f"cannot read {path}: {error}; make it with 'python -m reon_export parity'") from error
    except ValidationError as error:
        raise ParityError(
            f"{path} is not a parity report of schema {SCHEMA_VERSION}: {first_problem(error)}; "
            "make it again with 'python -m reon_export parity'"
        ) from error


def _plain_fields(record: object) -> dict[str, object]:
    names = [field.name for field in dataclasses.fields(record)]  # type: ignore[arg-type]  # object: any record of ours
    return {name: _plain(getattr(record, name)) for name in names if name != _PIXELS}


def _plain(value: object) -> object:
    """Records to dicts, tuples to lists, numbers that are not finite to None; the keys of dicts in order."""
    if dataclasses.is_dataclass(value):
        return _plain_fields(value)
    if isinstance(value, Mapping):
        return {key: _plain(value[key]) for key in sorted(value)}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()  # file names may hold bytes that are not UTF-8
    return value
