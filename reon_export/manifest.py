"""The model folder: what is in it, from what it was made, how good it is. Written, read and verified here."""

import gzip
import hashlib
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import Field, ValidationError, field_validator

from reon_export.errors import ManifestError
from reon_export.limits import max_text_bytes
from reon_export.output_places import OwnFolder
from reon_export.read_file import read_bytes
from reon_export.spec import Layout, ModelSpec, Record, first_problem

MANIFEST_NAME = "manifest.json"
RuntimeName = Literal["onnx", "tfjs"]
Verdict = Literal["passed", "failed", "not_run"]
Precision = Literal["float32", "float16", "uint8"]
PRECISIONS: tuple[Precision, ...] = ("float32", "float16", "uint8")


class FileEntry(Record):
    """One file: path relative to the manifest (with /), size, SHA-256 in hex."""

    path: str
    bytes: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]

    @field_validator("path")
    @classmethod
    def _stays_inside(cls, path: str) -> str:
        pure = PurePosixPath(path)
        if pure.is_absolute() or ".." in pure.parts or "\\" in path or ":" in path or not path:
            raise ValueError(f"{path!r} leaves the model folder")
        return path


class ParityRecord(Record):
    """What was measured against PyTorch. `worst_sample` is the name of the crop with the largest |Δp|."""

    rung: Literal["tensor"]
    backend: str
    max_abs_prob: float
    max_abs_logit: float
    top1_agreement: float
    mean_kl: float
    samples: int
    worst_sample: str


class Artefact(Record):
    """One exported model. For `tfjs`, `files[0]` is model.json and the others are its weight shards."""

    runtime: RuntimeName
    precision: Precision
    files: Annotated[tuple[FileEntry, ...], Field(min_length=1)]
    bytes: int
    gzip_bytes: int
    parity: ParityRecord | None = None
    verdict: Verdict = Field(default="not_run", alias="gate")
    reasons: tuple[str, ...] = Field(default=(), alias="gate_reasons")

    @property
    def name(self) -> str:
        """Like `tfjs float16`."""
        return f"{self.runtime} {self.precision}"

    @property
    def is_loadable(self) -> bool:
        """Whether a page may load it: a TF.js artefact that has not failed its gate."""
        return self.runtime == "tfjs" and self.verdict != "failed"


class Source(Record):
    """The checkpoint that everything was made from.

    `entry` is where in the file the weights lay ("" for the top), `other_entries` where a network lay that was not
    taken, `image_size` the pixels that the layout's padding is fixed for (None unless it is), and `notes` what was
    assumed, found out, completed or left out, a sentence each.
    """

    file: str
    sha256: str
    layout: Layout
    num_classes: int
    entry: str = ""
    other_entries: tuple[str, ...] = ()
    image_size: int | None = None
    notes: tuple[str, ...] = ()


class SelfTest(Record):
    """What the page checks on the visitor's own device before it trusts a backend.

    `file` holds the crops, uint8 [samples, H, W, 3] RGB; `expected_logits` are PyTorch's. `max_abs_prob` is the gate,
    by precision and by backend.
    """

    file: FileEntry
    samples: int
    expected_logits: tuple[tuple[float, ...], ...]
    max_abs_prob: dict[str, dict[str, float]]


class Manifest(Record):
    """The content of manifest.json."""

    version: Literal[1] = 1
    name: str
    spec: ModelSpec
    source: Source
    artefacts: tuple[Artefact, ...]
    self_test: SelfTest | None = None
    built_at: str
    tools: dict[str, str]

    @property
    def files(self) -> tuple[FileEntry, ...]:
        """Every file that the folder consists of, but for the manifest itself."""
        listed = tuple(entry for artefact in self.artefacts for entry in artefact.files)
        return listed if self.self_test is None else (*listed, self.self_test.file)

    def artefact(self, runtime: RuntimeName, precision: str) -> Artefact:
        """The artefact of that runtime and precision. Raises ManifestError that lists what there is."""
        for artefact in self.artefacts:
            if (artefact.runtime, artefact.precision) == (runtime, precision):
                return artefact
        held = ", ".join(artefact.name for artefact in self.artefacts) or "nothing"
        raise ManifestError(f"no {runtime} {precision} in this model folder; it holds {held}")


def describe_files(folder: Path, files: list[Path], runtime: RuntimeName, precision: Precision) -> Artefact:
    """An unjudged artefact of `files` (in that order): hashes, size, and size after gzip -6 (what servers send)."""
    entries = tuple(describe_file(folder, path) for path in files)
    return Artefact(
        runtime=runtime,
        precision=precision,
        files=entries,
        bytes=sum(entry.bytes for entry in entries),
        gzip_bytes=sum(len(gzip.compress(path.read_bytes(), 6, mtime=0)) for path in files),
    )


def describe_file(folder: Path, path: Path) -> FileEntry:
    """The entry of one file below `folder`."""
    content = path.read_bytes()
    return FileEntry(
        path=path.relative_to(folder).as_posix(), bytes=len(content), sha256=hashlib.sha256(content).hexdigest()
    )


def write_manifest(manifest: Manifest, folder: Path) -> None:
    """Write manifest.json into `folder` (UTF-8, indented)."""
    (folder / MANIFEST_NAME).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> Manifest:
    """Read manifest.json of a model folder. Raises ManifestError."""
    path = folder / MANIFEST_NAME
    try:
        return Manifest.model_validate_json(read_bytes(path, max_text_bytes()))
    except FileNotFoundError as error:
        raise ManifestError(
            f"{folder} is not a model folder: it has no {MANIFEST_NAME}; make one with 'python -m reon_export build'"
        ) from error
    except OSError as error:
        raise ManifestError(f"cannot read {path}: {error.strerror}") from error
    except ValidationError as error:
        raise ManifestError(
            f"{path} is damaged or from another version: {first_problem(error)}; build it again"
        ) from error


def read_artefact_file(folder: Path, entry: FileEntry) -> bytes:
    """The bytes of one file, whose size and SHA-256 are checked first. Raises ManifestError."""
    path = folder / entry.path
    try:
        content = read_bytes(path)
    except OSError as error:
        raise ManifestError(f"{path} is listed in the manifest but cannot be read: {error.strerror}") from error
    if len(content) != entry.bytes:
        raise ManifestError(f"{path} has {len(content)} bytes, the manifest lists {entry.bytes}; build it again")
    actual = hashlib.sha256(content).hexdigest()
    if actual != entry.sha256:
        raise ManifestError(
            f"{path} has SHA-256 {actual[:12]}…, the manifest lists {entry.sha256[:12]}…; build it again"
        )
    return content


def _list_own_files(folder: Path) -> list[str]:
    return [entry.path for entry in read_manifest(folder).files]


MODEL_KIND = OwnFolder("a model folder", "--out", MANIFEST_NAME, _list_own_files)
