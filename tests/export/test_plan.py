"""What a build will do, and every way to refuse it before it begins."""

from pathlib import Path

import pytest

from reon_export.checkpoint.resolve_spec import resolve_spec
from reon_export.errors import SpecError
from reon_export.export.plan import BuildOptions
from reon_export.paths import DEFAULT_CHECKPOINT
from reon_export.spec import IMAGENET_MEAN, ModelSpec, write_spec


def test_the_sidecar_spec_describes_the_default_checkpoint(default_spec: ModelSpec) -> None:
    spec, assumptions = resolve_spec(DEFAULT_CHECKPOINT, 7, BuildOptions())
    assert spec == default_spec
    assert assumptions == ()


def test_options_win_over_the_sidecar() -> None:
    options = BuildOptions(labels="reon", input_size=224, mean=(0.5, 0.5, 0.5))
    spec, assumptions = resolve_spec(DEFAULT_CHECKPOINT, 7, options)
    assert spec.labels[0].key == "joy"
    assert (spec.input.height, spec.input.width) == (224, 224)
    assert spec.normalisation.mean == (0.5, 0.5, 0.5)
    assert spec.normalisation.std == (0.229, 0.224, 0.225)
    assert assumptions == ()


def test_what_is_assumed_is_said(tmp_path: Path, default_spec: ModelSpec) -> None:
    spec, assumptions = resolve_spec(tmp_path / "my.pt", 3, BuildOptions(labels="a,b,c"))
    assert spec.input.height == 224
    assert spec.normalisation.mean == IMAGENET_MEAN
    assert spec.crop == default_spec.crop  # the box correction belongs to the detectors, not to the classifier
    assert assumptions == (
        "input size 224 assumed: no --input-size and no my.json",
        "ImageNet mean and std assumed: no --mean, no --std and no my.json",
    )


@pytest.mark.parametrize(
    ("classes", "options", "message"),
    [
        (
            7,
            BuildOptions(),
            "nothing names the 7 classes of my.pt: pass --labels reon, --labels a,b,c or --labels FILE",
        ),
        (5, BuildOptions(labels="a,b"), "my.pt has 5 classes but 2 labels were given (a, b); give 5, in the order"),
        (2, BuildOptions(labels="a,a"), "label keys must differ, a occurs more than once"),
        (
            2,
            BuildOptions(labels="a,b", input_size=8),
            "--input-size 8 cannot be used: height: Input should be greater than or equal to 32",
        ),
        (
            2,
            BuildOptions(labels="a,b", std=(1, 0, 1)),
            "--std 1,0,1 cannot be used: std expected above 0 and up to 1 for R,G,B, got 1,0,1",
        ),
    ],
)
def test_a_spec_that_cannot_be_made(tmp_path: Path, classes: int, options: BuildOptions, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        resolve_spec(tmp_path / "my.pt", classes, options)
    assert message in str(caught.value)


def test_a_sidecar_with_too_few_labels_is_refused(tmp_path: Path, default_spec: ModelSpec) -> None:
    short = default_spec.model_copy(update={"labels": default_spec.labels[:3]})
    write_spec(short, tmp_path / "my.json")
    with pytest.raises(SpecError, match=r"my.pt has 7 classes but 3 labels were given \(anger, disgust, fear\)"):
        resolve_spec(tmp_path / "my.pt", 7, BuildOptions())
