"""What a build will do, and every reason not to begin."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from reon_export.browsers.select import find_engine
from reon_export.checkpoint.answers import find_constant_answer, is_untrained
from reon_export.checkpoint.resolve_spec import SpecOptions, resolve_spec
from reon_export.environment.converters import Converter, check_converter
from reon_export.errors import CheckpointError, ExportError, SiteError
from reon_export.faces.samples import CropSet, crops_from_folder, crops_from_photos
from reon_export.manifest import MODEL_KIND, PRECISIONS, Precision
from reon_export.output_places import check_inputs_apart, check_replaceable
from reon_export.paths import DEFAULT_MODEL_DIR, SAMPLE_PHOTOS
from reon_export.runtimes.page_session import check_page_is_built
from reon_export.runtimes.predictions import Predictions
from reon_export.runtimes.torch_runtime import TorchRuntime
from reon_export.site.single_file import check_standalone_target
from reon_export.site.static_site import check_site_target
from reon_export.spec import DEFAULT_OPSET, OPSETS, Layout, ModelSpec

if TYPE_CHECKING:
    from reon_export.checkpoint.classifier_graph import ClassifierGraph
    from reon_export.checkpoint.load import Checkpoint


@dataclass(frozen=True)
class BuildOptions(SpecOptions):
    """What may differ from one build to the next.

    `layout`, `image_size` and `entry` override what is found out from the file (see `checkpoint.load.LoadOptions`).
    `converter` is our own, or the chain of onnx2tf and tensorflowjs as a witness.
    `allow_constant` builds a network that gives every crop the same label.
    """

    precisions: tuple[Precision, ...] = PRECISIONS
    opset: int = DEFAULT_OPSET
    out: Path = DEFAULT_MODEL_DIR
    crops: Path | None = None
    parity: bool = True
    browser: str | None = None
    site: Path | None = None
    standalone: Path | None = None
    layout: Layout | None = None
    image_size: int | None = None
    entry: str | None = None
    allow_constant: bool = False
    converter: Converter = "direct"


@dataclass(frozen=True)
class BuildPlan:
    """What a build will do: everything that can be known, and refused, before work begins.

    `expected` are PyTorch's answers on `crops`.
    """

    path: Path
    checkpoint: "Checkpoint"
    graph: "ClassifierGraph"
    spec: ModelSpec
    options: BuildOptions
    crops: CropSet
    expected: Predictions
    warnings: tuple[str, ...]


def make_plan(path: Path, options: BuildOptions) -> BuildPlan:
    """Load and check everything that a build needs, without writing anything. Raises a ReonExportError."""
    if options.opset not in OPSETS:
        raise ExportError(f"--opset {options.opset} cannot be used, expected {OPSETS.start} to {OPSETS.stop - 1}")
    check_converter(options.converter)
    _check_out(path, options)
    _check_publishing(path, options)
    if options.parity:
        check_page_is_built()
        find_engine(options.browser)

    import torch  # seconds: after every check that does without

    from reon_export.checkpoint.classifier_graph import ClassifierGraph
    from reon_export.checkpoint.load import LoadOptions, load_checkpoint
    from reon_export.checkpoint.weights_file import read_weights

    weights = read_weights(path)
    load_options = LoadOptions(options.layout, options.image_size, options.entry)
    checkpoint = load_checkpoint(weights, load_options)
    spec, assumptions = resolve_spec(weights.path, checkpoint.num_classes, options)
    crops = crops_from_folder(options.crops, spec) if options.crops else crops_from_photos(SAMPLE_PHOTOS, spec)
    graph = ClassifierGraph(checkpoint.model, spec)
    batch_nchw = graph.normalise(torch.from_numpy(crops.crops_rgb).permute(0, 3, 1, 2))
    if checkpoint.layout_source == "assumed":  # names alone could not tell: its behaviour on faces may
        checkpoint = load_checkpoint(weights, load_options, crops_nchw=batch_nchw)
        graph = ClassifierGraph(checkpoint.model, spec)
    expected = TorchRuntime(graph, spec)(crops.crops_rgb)
    notes = (*assumptions, *_describe(checkpoint), *_check_answers(checkpoint.path.name, expected, spec, options))
    return BuildPlan(checkpoint.path, checkpoint, graph, spec, options, crops, expected, notes)


def _check_out(path: Path, options: BuildOptions) -> None:
    """Raise FolderError if --out is no place for a model folder, or holds what this build reads."""
    check_replaceable(options.out, MODEL_KIND)
    check_inputs_apart(options.out, "--out", _named_inputs(path, options))


def _named_inputs(path: Path, options: BuildOptions) -> dict[str, Path | None]:
    """What a build reads, by what an error calls it."""
    is_file = options.labels is not None and os.path.isfile(options.labels)  # noqa: PTH113  # any text
    labels = Path(options.labels) if options.labels is not None and is_file else None
    return {"the checkpoint": path, "--crops": options.crops, "--labels": labels}


def _check_publishing(path: Path, options: BuildOptions) -> None:
    """Raise a ReonExportError if --site or --standalone could not be written at the end."""
    if options.site is not None:
        check_site_target(options.site, options.out)
        check_inputs_apart(options.site, "--site", _named_inputs(path, options))
    if options.standalone is not None:
        check_standalone_target(options.standalone, options.out)
        if options.site is not None and options.standalone.resolve().is_relative_to(options.site.resolve()):
            raise SiteError(
                f"--standalone {options.standalone} lies inside --site {options.site}; choose a place outside it"
            )


def _describe(checkpoint: "Checkpoint") -> Iterator[str]:
    """What was found out, guessed, completed or left out."""
    if checkpoint.entry or checkpoint.other_entries:
        others = ", ".join(repr(entry) if entry else "the top level" for entry in checkpoint.other_entries)
        taken = repr(checkpoint.entry) if checkpoint.entry else "the top level"
        beside = f" (the file also holds a network under {others}; --entry chooses it)" if others else ""
        yield f"weights taken from {taken}{beside}"
    if checkpoint.layout_source not in {"keys", "argument"}:
        yield f"layout {checkpoint.layout}: {checkpoint.layout_note}"
    yield from checkpoint.notes


def _check_answers(name: str, expected: Predictions, spec: ModelSpec, options: BuildOptions) -> tuple[str, ...]:
    """Why parity on these answers would prove little, for the user; raises CheckpointError unless that is allowed."""
    count = len(expected.logits)
    broken = int((~np.isfinite(expected.logits)).any(axis=1).sum())
    if broken:
        raise CheckpointError(
            f"{name} gives logits that are not finite for {broken} of {count} face crops: check --mean, --std and "
            "--layout, or use an earlier checkpoint"
        )
    if count < 2:
        return ("with one crop it cannot be checked that the answers depend on the face",)
    constant = find_constant_answer(expected.probabilities)
    if is_untrained(expected.probabilities):
        problem = f"{name} gives nearly the same answer for every one of {count} face crops: it looks untrained"
    elif constant is not None:
        problem = f"{name} gives {spec.labels[constant].key!r} for every one of {count} face crops"
    else:
        return ()
    if options.allow_constant:
        return (f"{problem}, so parity proves little",)
    raise CheckpointError(
        f"{problem}, so parity would prove nothing. Check that it is the checkpoint that you mean, --mean, --std and "
        "--input-size; if it is right, pass --crops with faces of several expressions, or --allow-constant"
    )
