"""What a parity job found: plain records, made by the rungs, judged by the gates, shown by the report."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from reon_export.manifest import Verdict
from reon_export.parity.compare import Measurement
from reon_export.parity.gates import Gate

Rung = Literal["tensor", "image", "photo"]
RUNGS: tuple[Rung, ...] = ("tensor", "image", "photo")


@dataclass(frozen=True)
class WorstSample:
    """The crop with the largest |difference of a probability|, to be shown: uint8 [H, W, 3] RGB and both answers."""

    name: str
    crop_rgb: npt.NDArray[np.uint8]
    expected: tuple[float, ...]
    actual: tuple[float, ...]


@dataclass(frozen=True)
class Cell:
    """One runtime x precision on rung 1 (the same tensor).

    `engine` is like `chromium 156.0.8078.79`, empty for runtimes in Python. `verdict` "not_run" has its reason in
    `reasons` and no measurement. `facts` are what the runtime says of itself (threads, float32 textures, ...).
    """

    runtime: str
    precision: str
    engine: str
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

    name: str
    kind: Literal["lossless", "jpeg"]
    max_abs: int = -1
    mean_abs: float = float("nan")
    problem: str = ""


@dataclass(frozen=True)
class ImageRung:
    """Rung 2 in one browser: pixels of each case, and what they do to the probabilities (worst case over the cases)."""

    engine: str
    verdict: Verdict
    reasons: tuple[str, ...]
    cases: tuple[PixelCase, ...] = ()
    max_abs_prob_lossless: float = float("nan")
    max_abs_prob_jpeg: float = float("nan")


@dataclass(frozen=True)
class PhotoShift:
    """What another detector does to the answer, over the photographs in which both sides found a face.

    Offsets are (browser centre - Python centre) / side of the Python crop; `mean_log_scale` is ln(browser / Python) of
    the sides of the crops.
    """

    both: int
    mean_iou: float
    mean_offset_x: float
    mean_offset_y: float
    mean_log_scale: float
    mean_abs_prob: float
    max_abs_prob: float
    top1_agreement: float


@dataclass(frozen=True)
class PhotoRung:
    """Rung 3 in one browser: Haar in Python against TinyFaceDetector in the page, without and with the correction."""

    engine: str
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

        `allow_missing` names what may be not run: an engine (`firefox`), a runtime (`tfjs:webgpu`) or both
        (`firefox/tfjs:webgl`).
        """
        if part.verdict == "not_run":
            engine = part.engine.split(" ")[0]
            runtime = part.runtime if isinstance(part, Cell) else ""
            return not {engine, runtime, f"{engine}/{runtime}"} & set(self.allow_missing)
        return part.verdict == "failed"
