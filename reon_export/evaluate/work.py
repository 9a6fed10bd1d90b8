"""One pass over the data: every image is read and cropped once and shown to every runtime."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from reon_export.errors import DataError
from reon_export.evaluate.batches import Record
from reon_export.evaluate.choices import CropMode, LabelSource
from reon_export.evaluate.datasets import Dataset, Entry
from reon_export.evaluate.read_entry import EntryReader
from reon_export.faces.crop import Box, Image
from reon_export.faces.haar import HaarDetector
from reon_export.faces.preprocess import crop_face, resize_bilinear
from reon_export.limits import max_text_bytes
from reon_export.manifest import MANIFEST_NAME, read_manifest
from reon_export.read_file import read_bytes
from reon_export.runtimes.runtime import Runtime
from reon_export.runtimes.runtime_id import ONNX, TORCH, RuntimeId
from reon_export.spec import ModelSpec

_DIGITS = 7  # float32 has no more
Process = Callable[[Sequence[Entry]], list[Record]]
_Readable = tuple[Record, Image, Box | None]


@dataclass(frozen=True)
class Candidate:
    """One runtime of one model: `name` as in the tables."""

    name: str
    model_dir: Path
    runtime: RuntimeId
    precision: str
    checkpoint: Path | None = None


@dataclass(frozen=True)
class EvaluateWork:
    """Reads, crops and classifies; a record an image, with each candidate's probabilities in the order of `labels`.

    A record's `status` is `ok`, `unreadable` (with a `reason`), `no_face` (Haar found none), `no_box` (the data has
    none for it) or `no_label` (the annotators disagree). `seconds` is what the image took to read, to crop, and in each
    candidate (its share of the batch).
    """

    data: Dataset
    candidates: tuple[Candidate, ...]
    labels: tuple[str, ...]
    crop: CropMode
    labels_from: LabelSource = "folder"

    @property
    def fingerprint(self) -> str:
        """What decides the records: the data's place, the crop rule, and the models' manifests."""
        manifests = [(c.name, str(c.runtime), c.precision, _hash_manifest(c.model_dir)) for c in self.candidates]
        return json.dumps(["evaluate", self.data.root, self.crop, self.labels_from, list(self.labels), manifests])

    @contextmanager
    def open(self) -> Iterator[Process]:
        """Load every candidate. Raises what loading raises."""
        with ExitStack() as stack:
            runtimes = _load(self.candidates, stack)
            specs = {candidate.name: read_manifest(candidate.model_dir).spec for candidate in self.candidates}
            detector = HaarDetector() if self.crop == "haar" else None
            margin = max(spec.crop.margin for spec in specs.values())
            reader = EntryReader(self.data, detector, needs_box=self.crop != "none", margin=margin)

            def process(entries: Sequence[Entry]) -> list[Record]:
                records: list[Record] = []
                images: list[_Readable] = []
                for entry in entries:
                    record, found = reader.read(entry)
                    records.append(record | {"p": {}})
                    if found is not None:
                        images.append((records[-1], found.image_rgb, found.box))
                cuts = _CutOnce(images)
                for candidate in self.candidates:
                    self._classify(candidate, runtimes[candidate.name], images, cuts(specs[candidate.name]))
                return records

            yield process

    def _classify(
        self,
        candidate: Candidate,
        runtime: Runtime,
        images: list[_Readable],
        crops_rgb: npt.NDArray[np.uint8],
    ) -> None:
        if not images:
            return
        started = time.perf_counter()
        probabilities = runtime(crops_rgb).probabilities
        seconds = (time.perf_counter() - started) / len(images)
        order = [runtime.labels.index(label) for label in self.labels]
        for (record, _, _), row in zip(images, probabilities, strict=True):
            record["p"][candidate.name] = [round(float(row[index]), _DIGITS) for index in order]
            record["seconds"][candidate.name] = seconds


class _CutOnce:
    """The crops of a batch for a spec; candidates with the same rule share them."""

    def __init__(self, images: list[_Readable]) -> None:
        self._images = images
        self._made: dict[tuple[int, int, float], npt.NDArray[np.uint8]] = {}

    def __call__(self, spec: ModelSpec) -> npt.NDArray[np.uint8]:
        height, width = spec.input.height, spec.input.width
        key = (height, width, spec.crop.margin)
        if key not in self._made:
            made = np.empty((len(self._images), height, width, 3), np.uint8)
            for index, (record, image, box) in enumerate(self._images):
                started = time.perf_counter()
                made[index] = resize_bilinear(image, height, width) if box is None else crop_face(image, box, spec)
                record["seconds"]["crop"] = record["seconds"].get("crop", 0) + time.perf_counter() - started
            self._made[key] = made
        return self._made[key]


def _load(candidates: tuple[Candidate, ...], stack: ExitStack) -> dict[str, Runtime]:
    from reon_export.runtimes.onnx_runtime import load_onnx
    from reon_export.runtimes.page_session import PageSession, open_page_session
    from reon_export.runtimes.reference import load_reference
    from reon_export.runtimes.tfjs_runtime import load_tfjs
    from reon_export.runtimes.torch_runtime import TorchRuntime

    runtimes: dict[str, Runtime] = {}
    page: PageSession | None = None
    for candidate in candidates:
        manifest = read_manifest(candidate.model_dir)
        if candidate.runtime == TORCH:
            runtimes[candidate.name] = TorchRuntime(load_reference(manifest, candidate.checkpoint), manifest.spec)
        elif candidate.runtime == ONNX:
            artefact = manifest.artefact("onnx", "float32")
            runtimes[candidate.name] = load_onnx(candidate.model_dir, artefact, manifest.spec)
        else:
            if page is None:
                page = stack.enter_context(open_page_session(candidate.model_dir))
            loading = load_tfjs(page, candidate.runtime, candidate.precision, keep=True)
            runtimes[candidate.name] = stack.enter_context(loading)
    return runtimes


def _hash_manifest(folder: Path) -> str:
    try:
        return hashlib.sha256(read_bytes(folder / MANIFEST_NAME, max_text_bytes())).hexdigest()
    except OSError as error:
        raise DataError(f"{folder} is not a model folder: {error.strerror}") from error
