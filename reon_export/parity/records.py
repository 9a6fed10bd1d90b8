"""What a parity job found: plain records, made by the rungs, judged by the gates, shown by the report."""

import math
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BeforeValidator, ConfigDict, Field, SkipValidation

from reon_export.browsers.version import BrowserVersion, parse_browser_version
from reon_export.manifest import Verdict
from reon_export.parity.compare import STRICT_KEYS, Figure, Measurement
from reon_export.parity.gates import Gate
from reon_export.runtimes.runtime_id import RuntimeId, parse_runtime

Rung = Literal["tensor", "image", "photo"]
RUNGS: tuple[Rung, ...] = ("tensor", "image", "photo")


# parity.json has them as text, the browser under the key "engine" and as "" for Python.
RuntimeOfCell = Annotated[RuntimeId, BeforeValidator(parse_runtime)]
BrowserOfPart = Annotated[
    BrowserVersion | None,
    Field(validation_alias="engine"),
    BeforeValidator(lambda text: parse_browser_version(text) if text else None),
]


def _no_pixels() -> npt.NDArray[np.uint8]:
    return np.empty((0, 0, 3), np.uint8)


@dataclass(frozen=True)
class WorstSample:
    """The crop with the largest |difference of a probability|: both answers, and its pixels, uint8 [H, W, 3] RGB.

    A run that was read back from JSON has no pixels.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    name: str
    expected: tuple[Figure, ...]
    actual: tuple[Figure, ...]
    crop_rgb: SkipValidation[npt.NDArray[np.uint8]] = field(default_factory=_no_pixels)


@dataclass(frozen=True)
class Cell:
    """One runtime x precision on rung 1 (the same tensor).

    `browser` is None for runtimes in Python. `verdict` "not_run" has its reason in
    `reasons` and no measurement. `facts` are what the runtime says of itself (threads, float32 textures, ...).
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT_KEYS

    runtime: RuntimeOfCell
    precision: str
    browser: BrowserOfPart
    verdict: Verdict
    reasons: tuple[str, ...] = ()
    gate: Gate | None = None
    measurement: Measurement | None = None
    worst: WorstSample | None = None
    seconds_per_crop: float | None = None
    facts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PixelCase:
    """One image file with a box: how far the browser's network input is from Python's, in steps of 255.

    `problem` is set where the tensors could not be compared (an error in words, another shape): that is a failure.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT_KEYS

    name: str
    kind: Literal["lossless", "jpeg"]
    max_abs: int = -1
    mean_abs: Figure = math.nan
    problem: str = ""


@dataclass(frozen=True)
class ImageRung:
    """Rung 2 in one browser: pixels of each case, and what they do to the probabilities (worst case over the cases)."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT_KEYS

    browser: BrowserOfPart
    verdict: Verdict
    reasons: tuple[str, ...]
    cases: tuple[PixelCase, ...] = ()
    max_abs_prob_lossless: Figure = math.nan
    max_abs_prob_jpeg: Figure = math.nan


@dataclass(frozen=True)
class PhotoShift:
    """What another detector does to the answer, over the photographs in which both sides found a face.

    Offsets are (browser centre - Python centre) / side of the Python crop; `mean_log_scale` is ln(browser / Python) of
    the sides of the crops.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT_KEYS

    both: int
    mean_iou: Figure
    mean_offset_x: Figure
    mean_offset_y: Figure
    mean_log_scale: Figure
    mean_abs_prob: Figure
    max_abs_prob: Figure
    top1_agreement: Figure


@dataclass(frozen=True)
class PhotoRung:
    """Rung 3 in one browser: Haar in Python against TinyFaceDetector in the page, without and with the correction."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT_KEYS

    browser: BrowserOfPart
    verdict: Verdict
    reasons: tuple[str, ...]
    photos: int = 0
    haar_only: int = 0
    browser_only: int = 0
    neither: int = 0
    plain: PhotoShift | None = None
    corrected: PhotoShift | None = None


@dataclass(frozen=True)
class ParityRun:
    """A whole job over one model folder."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT_KEYS

    model: str
    source_sha256: str
    labels: tuple[str, ...]
    input_size: int
    samples: int
    cells: tuple[Cell, ...]
    images: tuple[ImageRung, ...]
    photos: tuple[PhotoRung, ...]
    started_at: str
    seconds: float
    tools: dict[str, str]
    allow_missing: tuple[str, ...] = ()

    @property
    def parts(self) -> "tuple[Cell | ImageRung | PhotoRung, ...]":
        """Everything that has a verdict."""
        return (*self.cells, *self.images, *self.photos)

    @property
    def verdict(self) -> Verdict:
        """Failed if anything failed, or was not run without being allowed to; not_run if there is nothing at all."""
        if not any(part.verdict == "passed" for part in self.parts):
            return "failed" if any(part.verdict == "failed" for part in self.parts) else "not_run"
        return "failed" if any(self.counts_against(part) for part in self.parts) else "passed"

    def counts_against(self, part: "Cell | ImageRung | PhotoRung") -> bool:
        """Whether this part keeps the run from passing.

        `allow_missing` names what may be not run: a browser (`firefox`), a runtime (`tfjs:webgpu`) or both
        (`firefox/tfjs:webgl`).
        """
        if part.verdict == "not_run":
            browser = part.browser.name if part.browser else ""
            runtime = str(part.runtime) if isinstance(part, Cell) else ""
            return not {browser, runtime, f"{browser}/{runtime}"} & set(self.allow_missing)
        return part.verdict == "failed"
