"""ModelSpec: everything about a model that is not its weights, written once and read by Python and JavaScript.

The arithmetic that the fields `crop` and `resize` stand for is written down, to the last bit, in
`reon_export.faces.crop` and `reon_export.faces.preprocess`; `web_demo/js` mirrors those two files.
"""

import math
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from reon_export.atomic import replace_file
from reon_export.errors import SpecError
from reon_export.text_file import read_text

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


def _check_channels(value: object) -> object:
    if value != "RGB":
        raise ValueError(
            f"expected RGB, got {value!r}: for a network that was trained on BGR, turn the input channels of its first "
            "convolution and save it again: weight = weight[:, [2, 1, 0]]"
        )
    return value


class InputSpec(Record):
    """The graph's input: NHWC float32, one face crop, RGB, whole numbers 0..255."""

    height: Annotated[int, Field(ge=32, le=1024)]
    width: Annotated[int, Field(ge=32, le=1024)]
    channels: Annotated[Literal["RGB"], BeforeValidator(_check_channels)] = "RGB"
    range: tuple[Literal[0], Literal[255]] = (0, 255)


class Normalisation(Record):
    """(x / 255 - mean) / std per RGB channel; done inside the graph. Mean in 0..1, std in (0, 1]."""

    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    inside_graph: Literal[True] = True

    @model_validator(mode="after")
    def _are_of_0_to_1(self) -> "Normalisation":
        for name, values, range_name in (("mean", self.mean, "0..1"), ("std", self.std, "above 0 and up to 1")):
            if all(math.isfinite(value) and 0 <= value <= 1 and (value > 0 or name == "mean") for value in values):
                continue
            shown = ",".join(f"{value:g}" for value in values)
            hint = ""
            if all(0 <= value <= 255 for value in values) and max(values) > 1:
                divided = ",".join(f"{value / 255:.3f}" for value in values)
                hint = f" (it looks like 0..255: divide by 255 → {divided})"
            raise ValueError(f"{name} expected {range_name} for R,G,B, got {shown}{hint}")
        return self


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


class Measurement(Record):
    """How a face is measured over time for a score; see `reon_export.score.tracks.measure`. Windows are half widths."""

    rule: Literal["steady", "single"] = "steady"
    box_window_s: Annotated[float, Field(ge=0, le=2)] = 0.4
    window_s: Annotated[float, Field(ge=0, le=2)] = 0.4
    look_scale: Annotated[float, Field(ge=0, le=0.5)] = 0.06
    look_shift: Annotated[float, Field(ge=0, le=0.5)] = 0.03


SINGLE_LOOK = Measurement(rule="single", box_window_s=0, window_s=0, look_scale=0, look_shift=0)


class ScoreScale(Record):
    """What scores (0..100) of a model mean, as `retest` measured it; see `reon_export.score.scale`.

    `same_tenth`: nine of ten performances that were filmed twice get more. `different_median` and
    `different_ninetieth`: half, and one in ten, of the pairs of different performances get more.
    """

    same_tenth: Annotated[float, Field(ge=0, le=100)]
    different_median: Annotated[float, Field(ge=0, le=100)]
    different_ninetieth: Annotated[float, Field(ge=0, le=100)]
    videos: Annotated[int, Field(ge=3)]
    measured_on: str

    @model_validator(mode="after")
    def _is_in_order(self) -> "ScoreScale":
        if not self.different_median <= self.different_ninetieth <= self.same_tenth:
            raise ValueError(
                f"expected different_median <= different_ninetieth <= same_tenth, got {self.different_median:g}, "
                f"{self.different_ninetieth:g}, {self.same_tenth:g}: different performances cannot be told from the "
                "same; train the classifier further, or leave the scale out"
            )
        return self


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
    measurement: Measurement = Measurement()
    scale: ScoreScale | None = None

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
        return ModelSpec.model_validate_json(read_text(path))
    except OSError as error:
        raise SpecError(f"cannot read the spec {path}: {error.strerror}") from error
    except UnicodeError as error:
        raise SpecError(f"the spec {path}: {error}; a spec is a JSON file like models/reon-demo-b0.json") from error
    except ValidationError as error:
        raise SpecError(f"{path} is not a valid model spec: {first_problem(error)}") from error


def write_spec(spec: ModelSpec, path: Path) -> None:
    """Write a ModelSpec as JSON (UTF-8, two spaces of indent), whole or not at all. Raises OSError."""
    replace_file(path, (spec.model_dump_json(indent=2) + "\n").encode())


def first_problem(error: ValidationError) -> str:
    """The first complaint of a pydantic error as `field: message`, on one line."""
    problem = error.errors()[0]
    field = ".".join(str(part) for part in problem["loc"])
    message = problem["msg"].removeprefix("Value error, ")
    return f"{field}: {message}" if field else message
