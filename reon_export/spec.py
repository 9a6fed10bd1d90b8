"""ModelSpec: everything about a model that is not its weights, written once and read by Python and JavaScript.

The arithmetic that the fields `crop` and `resize` stand for is written down, to the last bit, in
`reon_export.faces.crop` and `reon_export.faces.preprocess`; `web_demo/js` mirrors those two files.
"""

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from reon_export.errors import SpecError

# torchvision's and timm's ImageNet statistics of RGB in 0..1, the default of every EfficientNet-B0 training recipe.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
DEFAULT_INPUT_SIZE = 224
INPUT_TENSOR = "input"
# Whose implementation the weights belong to; see reon_export.checkpoint.efficientnet.
Layout = Literal["torchvision", "timm", "timm_tf", "efficientnet_pytorch"]
DEFAULT_OPSET = 17
# The range that torch's exporter, onnxsim and onnx2tf 1.28 all take; every one of them was built once.
OPSETS = range(13, 21)


class Record(BaseModel):
    """Immutable, and strict about unknown keys: a misspelt key must not be dropped in silence."""

    # JSON files keep the key that an alias gives; code uses the field's own name.
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True)


class Label(Record):
    """One class: `key` for code, `ko` and `en` for people."""

    key: Annotated[str, Field(min_length=1)]
    ko: str
    en: str


class InputSpec(Record):
    """The graph's input: NHWC float32, one face crop, RGB, whole numbers 0..255."""

    height: Annotated[int, Field(ge=32, le=1024)]
    width: Annotated[int, Field(ge=32, le=1024)]
    channels: Literal["RGB"] = "RGB"
    range: tuple[Literal[0], Literal[255]] = (0, 255)


class Normalisation(Record):
    """(x / 255 - mean) / std per RGB channel; done inside the graph."""

    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] = (
        IMAGENET_STD
    )
    inside_graph: Literal[True] = True


class BoxCorrection(Record):
    """What turns the page's face boxes into those that Haar would draw, by `reon_export.faces.correction`.

    `fitted_on` says on what the numbers were fitted, and `photos` on how many photographs.
    """

    detector: Literal["tiny_face_detector"] = "tiny_face_detector"
    scale: Annotated[float, Field(ge=0.1, le=4)]
    offset_x: Annotated[float, Field(ge=-1, le=1)]
    offset_y: Annotated[float, Field(ge=-1, le=1)]
    photos: Annotated[int, Field(ge=1)]
    fitted_on: str


class CropSpec(Record):
    """How a face box becomes a square crop; see `reon_export.faces.crop`.

    `detector` draws the boxes that the classifier was trained behind. A page that has another detector applies
    `correction` to its boxes first; without one it takes them as they are.
    """

    detector: str = "haar frontalface_default, scaleFactor 1.1, minNeighbors 5, largest face"
    margin: Annotated[float, Field(gt=-0.5, le=2)] = 0.0
    square: Literal[True] = True
    pad: Literal["edge"] = "edge"
    correction: BoxCorrection | None = None


class ResizeSpec(Record):
    """How a crop becomes the network's input size; see `reon_export.faces.preprocess`."""

    method: Literal["bilinear"] = "bilinear"
    half_pixel_centres: Literal[True] = True
    antialias: Literal[False] = False
    rounding: Literal["half_up"] = "half_up"


class OutputSpec(Record):
    """Names of the graph's outputs, each float32 [N, classes]."""

    logits: Literal["logits"] = "logits"
    probabilities: Literal["probabilities"] = "probabilities"


class ModelSpec(Record):
    """The description of one classifier. `labels` are in the order of the network's outputs."""

    version: Literal[1] = 1
    architecture: Literal["efficientnet_b0"] = "efficientnet_b0"
    labels: Annotated[tuple[Label, ...], Field(min_length=2)]
    input: InputSpec
    normalisation: Normalisation = Normalisation()
    crop: CropSpec = CropSpec()
    resize: ResizeSpec = ResizeSpec()
    output: OutputSpec = OutputSpec()

    @model_validator(mode="after")
    def _labels_differ(self) -> "ModelSpec":
        keys = [label.key for label in self.labels]
        repeated = sorted({key for key in keys if keys.count(key) > 1})
        if repeated:
            raise ValueError(f"label keys must differ, {', '.join(repeated)} occurs more than once")
        return self


REON_LABELS = (
    Label(key="joy", ko="기쁨", en="Joy"),
    Label(key="embarrassment", ko="당황", en="Embarrassment"),
    Label(key="anger", ko="분노", en="Anger"),
    Label(key="anxiety", ko="불안", en="Anxiety"),
    Label(key="hurt", ko="상처", en="Hurt"),
    Label(key="sadness", ko="슬픔", en="Sadness"),
    Label(key="neutral", ko="중립", en="Neutral"),
)


def read_spec(path: Path) -> ModelSpec:
    """Read a ModelSpec from a JSON file. Raises SpecError that names the first wrong field."""
    try:
        return ModelSpec.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SpecError(f"cannot read the spec {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SpecError(f"{path} is not UTF-8 text; a spec is a JSON file like models/reon-demo-b0.json") from error
    except ValidationError as error:
        raise SpecError(f"{path} is not a valid model spec: {first_problem(error)}") from error


def write_spec(spec: ModelSpec, path: Path) -> None:
    """Write a ModelSpec as JSON (UTF-8, two spaces of indent)."""
    path.write_text(spec.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_labels(text: str) -> tuple[Label, ...]:
    """Labels from `reon`, from `a,b,c`, or from a file.

    A file is JSON (a list of keys or of {key, ko, en}) or plain text with one key a line.
    A key without translations is shown as it is. Raises SpecError.
    """
    if text == "reon":
        return REON_LABELS
    path = Path(text)
    if "," not in text and (path.suffix or path.exists()):
        return _read_label_file(path)
    return _labels_from_items([item.strip() for item in text.split(",")], f"--labels {text}")


def _read_label_file(path: Path) -> tuple[Label, ...]:
    try:
        content = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SpecError(
            f"cannot read the label file {path}: {error.strerror}; give 'reon', 'a,b,c' or a file"
        ) from error
    except UnicodeDecodeError as error:
        raise SpecError(f"the label file {path} is not UTF-8 text; save it as UTF-8, one label a line") from error
    if path.suffix.lower() != ".json":
        return _labels_from_items([line.strip() for line in content.splitlines() if line.strip()], str(path))
    try:
        items = json.loads(content)
    except json.JSONDecodeError as error:
        raise SpecError(f"the label file {path} is not valid JSON: {error}") from error
    if not isinstance(items, list):
        raise SpecError(f"the label file {path} holds a {type(items).__name__}, expected a list of labels")
    return _labels_from_items(items, str(path))


def _labels_from_items(items: list[object], where: str) -> tuple[Label, ...]:
    labels = []
    for position, item in enumerate(items):
        try:
            labels.append(Label(key=item, ko=item, en=item) if isinstance(item, str) else Label.model_validate(item))
        except ValidationError as error:
            raise SpecError(f"{where}: label {position} is not usable: {first_problem(error)}") from error
    return tuple(labels)


def first_problem(error: ValidationError) -> str:
    """The first complaint of a pydantic error as `field: message`, on one line."""
    problem = error.errors()[0]
    field = ".".join(str(part) for part in problem["loc"])
    return f"{field}: {problem['msg']}" if field else problem["msg"]
