"""The spec of a checkpoint: from the file beside it, the options, and what is assumed where neither says."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from reon_export.errors import SpecError
from reon_export.paths import DEFAULT_SPEC
from reon_export.spec import (
    DEFAULT_INPUT_SIZE,
    CropSpec,
    InputSpec,
    Label,
    ModelSpec,
    Normalisation,
    first_problem,
    read_labels,
    read_spec,
)

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class SpecOptions:
    """What the weights do not say. None means: from the checkpoint's spec file, else the default."""

    labels: str | None = None
    input_size: int | None = None
    mean: Triple | None = None
    std: Triple | None = None


def resolve_spec(path: Path, num_classes: int, options: SpecOptions) -> tuple[ModelSpec, tuple[str, ...]]:
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


def _resolve_labels(path: Path, num_classes: int, options: SpecOptions, base: ModelSpec | None) -> tuple[Label, ...]:
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
