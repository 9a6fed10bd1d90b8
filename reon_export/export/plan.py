"""What a build will do, and every reason not to begin."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from reon_export.browsers.select import find_engine
from reon_export.errors import ExportError, SiteError, SpecError
from reon_export.faces.samples import CropSet, crops_from_folder, crops_from_photos
from reon_export.manifest import PRECISIONS, Precision, check_replaceable
from reon_export.paths import DEFAULT_MODEL_DIR, DEFAULT_SPEC, SAMPLE_PHOTOS
from reon_export.runtimes.page_session import check_page_is_built
from reon_export.site.single_file import check_standalone_target
from reon_export.site.static_site import check_site_target
from reon_export.spec import (
    DEFAULT_INPUT_SIZE,
    DEFAULT_OPSET,
    OPSETS,
    CropSpec,
    InputSpec,
    Label,
    ModelSpec,
    Normalisation,
    first_problem,
    read_labels,
    read_spec,
)

if TYPE_CHECKING:
    from torch import Tensor

    from reon_export.checkpoint.load import Checkpoint
    from reon_export.export.onnx import ClassifierGraph

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class BuildOptions:
    """What may differ from one build to the next. None means: from the checkpoint's spec file, else the default."""

    labels: str | None = None
    input_size: int | None = None
    mean: Triple | None = None
    std: Triple | None = None
    precisions: tuple[Precision, ...] = PRECISIONS
    opset: int = DEFAULT_OPSET
    out: Path = DEFAULT_MODEL_DIR
    crops: Path | None = None
    parity: bool = True
    browser: str | None = None
    site: Path | None = None
    standalone: Path | None = None


@dataclass(frozen=True)
class BuildPlan:
    """What a build will do: everything that can be known, and refused, before work begins."""

    path: Path
    checkpoint: "Checkpoint"
    graph: "ClassifierGraph"
    spec: ModelSpec
    options: BuildOptions
    crops: CropSet
    warnings: tuple[str, ...]


def make_plan(path: Path, options: BuildOptions) -> BuildPlan:
    """Load and check everything that a build needs, without writing anything. Raises a ReonExportError."""
    import torch

    from reon_export.checkpoint.load import load_checkpoint
    from reon_export.export.onnx import ClassifierGraph

    if options.opset not in OPSETS:
        raise ExportError(f"--opset {options.opset} cannot be used, wanted {OPSETS.start} to {OPSETS.stop - 1}")
    check_replaceable(options.out)
    _check_publishing(options)
    if options.parity:
        check_page_is_built()
        find_engine(options.browser)
    checkpoint = load_checkpoint(path)
    spec, assumptions = resolve_spec(path, checkpoint.num_classes, options)
    crops = crops_from_folder(options.crops, spec) if options.crops else crops_from_photos(SAMPLE_PHOTOS, spec)
    graph = ClassifierGraph(checkpoint.model, spec)
    batch_nchw = graph.normalise(torch.from_numpy(crops.crops_rgb).permute(0, 3, 1, 2))
    if checkpoint.layout_source == "assumed":  # names alone could not tell: its behaviour on faces may
        checkpoint = load_checkpoint(path, crops_nchw=batch_nchw)
        graph = ClassifierGraph(checkpoint.model, spec)
    warnings = (*assumptions, *_warn(checkpoint, batch_nchw))
    return BuildPlan(path, checkpoint, graph, spec, options, crops, warnings)


def _check_publishing(options: BuildOptions) -> None:
    """Raise a ReonExportError if --site or --standalone could not be written at the end."""
    if options.site is not None:
        check_site_target(options.site, options.out)
    if options.standalone is not None:
        check_standalone_target(options.standalone, options.out)
        if options.site is not None and options.standalone.resolve().is_relative_to(options.site.resolve()):
            raise SiteError(
                f"--standalone {options.standalone} lies inside --site {options.site}; choose a place outside it"
            )


def resolve_spec(path: Path, num_classes: int, options: BuildOptions) -> tuple[ModelSpec, tuple[str, ...]]:
    """The spec of a checkpoint from `<checkpoint>.json` beside it and the options (which win), and what was assumed.

    Raises SpecError if nothing names the classes, or if the number of labels is not the number of classes.
    """
    sidecar = path.with_suffix(".json")
    base = read_spec(sidecar) if sidecar.is_file() else None
    labels = _resolve_labels(path, num_classes, options, base)
    size, mean, std = options.input_size, options.mean, options.std
    assumptions = []
    if base is None and size is None:
        assumptions.append(f"input size {DEFAULT_INPUT_SIZE} assumed: no --input-size and no {sidecar.name}")
    if base is None and mean is None and std is None:
        assumptions.append(f"ImageNet mean and std assumed: no --mean, no --std and no {sidecar.name}")
    try:
        spec = base or _default_spec(labels)
        normalisation = Normalisation(mean=mean or spec.normalisation.mean, std=std or spec.normalisation.std)
        input_spec = InputSpec(height=size, width=size) if size is not None else spec.input
        changes = {"labels": labels, "input": input_spec, "normalisation": normalisation}
        return ModelSpec.model_validate({**dict(spec), **changes}), tuple(assumptions)
    except ValidationError as error:
        given = ((f"--input-size {size}", size), (f"--mean {mean}", mean), (f"--std {std}", std))
        options_given = ", ".join(text for text, value in given if value is not None) or "the labels"
        raise SpecError(f"{options_given} cannot be used: {first_problem(error)}") from error


def _default_spec(labels: tuple[Label, ...]) -> ModelSpec:
    # The box correction belongs to the two detectors, not to the classifier: the default checkpoint's holds for others.
    crop = read_spec(DEFAULT_SPEC).crop if DEFAULT_SPEC.is_file() else CropSpec()
    return ModelSpec(labels=labels, input=InputSpec(height=DEFAULT_INPUT_SIZE, width=DEFAULT_INPUT_SIZE), crop=crop)


def _resolve_labels(path: Path, num_classes: int, options: BuildOptions, base: ModelSpec | None) -> tuple[Label, ...]:
    if options.labels is not None:
        labels = read_labels(options.labels)
    elif base is not None:
        labels = base.labels
    else:
        raise SpecError(
            f"nothing names the {num_classes} classes of {path.name}: pass --labels reon, --labels a,b,c or "
            f"--labels FILE in the order of the network's outputs, or put a spec at {path.with_suffix('.json')}"
        )
    if len(labels) != num_classes:
        raise SpecError(
            f"{path.name} has {num_classes} classes but {len(labels)} labels were given "
            f"({', '.join(label.key for label in labels)}); give {num_classes}, in the order of the network's outputs"
        )
    return labels


def _warn(checkpoint: "Checkpoint", batch_nchw: "Tensor") -> tuple[str, ...]:
    from reon_export.checkpoint.load import is_untrained

    warnings = []
    if checkpoint.layout_source in ("statistics", "assumed"):
        warnings.append(f"layout {checkpoint.layout}: {checkpoint.layout_note}")
    if is_untrained(checkpoint.model, batch_nchw):
        warnings.append(
            f"{checkpoint.path.name} gives nearly the same answer for every face: it looks untrained, and parity on it "
            "proves nothing; check that it is the checkpoint you mean, and --mean and --std"
        )
    return tuple(warnings)
