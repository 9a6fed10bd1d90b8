"""What a build will do, and every reason not to begin."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reon_export.browsers.select import find_engine
from reon_export.checkpoint.resolve_spec import SpecOptions, resolve_spec
from reon_export.errors import ExportError, SiteError
from reon_export.faces.samples import CropSet, crops_from_folder, crops_from_photos
from reon_export.manifest import PRECISIONS, Precision, check_replaceable
from reon_export.paths import DEFAULT_MODEL_DIR, SAMPLE_PHOTOS
from reon_export.runtimes.page_session import check_page_is_built
from reon_export.site.single_file import check_standalone_target
from reon_export.site.static_site import check_site_target
from reon_export.spec import DEFAULT_OPSET, OPSETS, ModelSpec

if TYPE_CHECKING:
    from torch import Tensor

    from reon_export.checkpoint.classifier_graph import ClassifierGraph
    from reon_export.checkpoint.load import Checkpoint


@dataclass(frozen=True)
class BuildOptions(SpecOptions):
    """What may differ from one build to the next."""

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

    from reon_export.checkpoint.classifier_graph import ClassifierGraph
    from reon_export.checkpoint.load import load_checkpoint
    from reon_export.checkpoint.weights_file import read_weights

    if options.opset not in OPSETS:
        raise ExportError(f"--opset {options.opset} cannot be used, expected {OPSETS.start} to {OPSETS.stop - 1}")
    check_replaceable(options.out)
    _check_publishing(options)
    if options.parity:
        check_page_is_built()
        find_engine(options.browser)
    weights = read_weights(path)
    checkpoint = load_checkpoint(weights)
    spec, assumptions = resolve_spec(path, checkpoint.num_classes, options)
    crops = crops_from_folder(options.crops, spec) if options.crops else crops_from_photos(SAMPLE_PHOTOS, spec)
    graph = ClassifierGraph(checkpoint.model, spec)
    batch_nchw = graph.normalise(torch.from_numpy(crops.crops_rgb).permute(0, 3, 1, 2))
    if checkpoint.layout_source == "assumed":  # names alone could not tell: its behaviour on faces may
        checkpoint = load_checkpoint(weights, crops_nchw=batch_nchw)
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


def _warn(checkpoint: "Checkpoint", batch_nchw: "Tensor") -> tuple[str, ...]:
    from reon_export.checkpoint.load import is_untrained

    warnings = []
    if checkpoint.layout_source in ("statistics", "assumed"):
        warnings.append(f"layout {checkpoint.layout}: {checkpoint.layout_note}")
    if is_untrained(checkpoint.model, batch_nchw):
        warnings.append(
            f"{checkpoint.path.name} gives nearly the same answer for every face: it looks untrained, and parity "
            "on it means little; check that it is the checkpoint you mean, and --mean and --std"
        )
    return tuple(warnings)
