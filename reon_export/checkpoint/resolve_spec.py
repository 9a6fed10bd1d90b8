"""The spec of a checkpoint: from the options, the files beside it, and what is assumed where none of them says."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from reon_export.checkpoint.hub_config import CONFIG_NAME, HubConfig, read_hub_config
from reon_export.checkpoint.label_file import read_labels
from reon_export.errors import SpecError
from reon_export.paths import DEFAULT_SPEC
from reon_export.read_file import read_bytes
from reon_export.spec import (
    DEFAULT_INPUT_SIZE,
    CropSpec,
    InputSpec,
    Label,
    ModelSpec,
    Normalisation,
    first_problem,
    read_spec,
)
from reon_export.text_file import KOREAN, decode_text

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class SpecOptions:
    """What the weights do not say. None means: from the files beside the checkpoint, else the default."""

    labels: str | None = None
    input_size: int | None = None
    mean: Triple | None = None
    std: Triple | None = None


def resolve_spec(path: Path, num_classes: int, options: SpecOptions) -> tuple[ModelSpec, tuple[str, ...]]:
    """The spec of a checkpoint, and what was assumed, a sentence each.

    Each value comes from the options, else from the spec `<checkpoint>.json` beside it, else from a hub's config.json
    in its folder, else it is assumed. Raises SpecError if nothing names the classes, if the number of labels is not the
    number of classes, or if a value cannot be used.
    """
    sidecar = path.with_suffix(".json")
    base = read_spec(sidecar) if sidecar.is_file() else None
    hub = HubConfig() if base is not None else read_hub_config(path)
    labels = _resolve_labels(path, num_classes, options, base, hub)
    size = options.input_size or hub.input_size
    mean, std = options.mean or hub.mean, options.std or hub.std
    try:
        spec = base or _default_spec(labels)
        normalisation = Normalisation(mean=mean or spec.normalisation.mean, std=std or spec.normalisation.std)
        input_spec = InputSpec(height=size, width=size) if size is not None else spec.input
        changes = {"labels": labels, "input": input_spec, "normalisation": normalisation}
        resolved = ModelSpec.model_validate({**dict(spec), **changes})
    except ValidationError as error:
        by_part: dict[str, dict[str, int | Triple | None]] = {
            "InputSpec": {"--input-size": options.input_size},
            "Normalisation": {"--mean": options.mean, "--std": options.std},
        }
        given = by_part.get(error.title, {})
        named = ", ".join(f"{name} {_show(value)}" for name, value in given.items() if value is not None)
        source = named or (f"{path.parent / CONFIG_NAME}" if given else "the labels")
        raise SpecError(f"{source} cannot be used: {first_problem(error)}") from error
    assumed = (*_korean_labels(options), *_assumptions(sidecar, base, size, mean, std))
    return resolved, (*_taken_from_hub(options, hub), *assumed)


def _korean_labels(options: SpecOptions) -> list[str]:
    """That a label file's encoding was a guess."""
    path = Path(options.labels or "")
    if not path.is_file() or decode_text(read_bytes(path))[1] != KOREAN:
        return []
    return [f"{path} was read as CP949, Korean; save it as UTF-8 if these are not its labels"]


def _show(value: int | Triple) -> str:
    return str(value) if isinstance(value, int) else ",".join(f"{number:g}" for number in value)


def _assumptions(
    sidecar: Path, base: ModelSpec | None, size: int | None, mean: Triple | None, std: Triple | None
) -> list[str]:
    """What neither the options nor the files beside the checkpoint give."""
    missing = f"and no {sidecar.name}" if base is None else f"and none in {sidecar.name}"
    in_spec = set() if base is None else base.normalisation.model_fields_set
    assumptions = []
    if base is None and size is None:
        assumptions.append(f"input size {DEFAULT_INPUT_SIZE} assumed: no --input-size {missing}")
    assumed = [name for name, value in (("mean", mean), ("std", std)) if value is None and name not in in_spec]
    if assumed:
        options = ", no ".join(f"--{name}" for name in assumed)
        assumptions.append(f"ImageNet {' and '.join(assumed)} assumed: no {options} {missing}")
    return assumptions


def _taken_from_hub(options: SpecOptions, hub: HubConfig) -> list[str]:
    values = {
        "labels": hub.labels and options.labels is None,
        "input size": hub.input_size and options.input_size is None,
        "mean": hub.mean and options.mean is None,
        "std": hub.std and options.std is None,
    }
    taken = [name for name, used in values.items() if used]
    return [f"{', '.join(taken)} from {CONFIG_NAME}"] if taken else []


def _default_spec(labels: tuple[Label, ...]) -> ModelSpec:
    # The box correction belongs to the two detectors, not to the classifier: the default checkpoint's holds for others.
    crop = read_spec(DEFAULT_SPEC).crop if DEFAULT_SPEC.is_file() else CropSpec()
    return ModelSpec(labels=labels, input=InputSpec(height=DEFAULT_INPUT_SIZE, width=DEFAULT_INPUT_SIZE), crop=crop)


def _resolve_labels(
    path: Path, num_classes: int, options: SpecOptions, base: ModelSpec | None, hub: HubConfig
) -> tuple[Label, ...]:
    if options.labels is not None:
        labels = read_labels(options.labels)
    elif base is not None:
        labels = base.labels
    elif hub.labels is not None:
        labels = hub.labels
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
