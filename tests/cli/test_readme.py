"""What README.md tells people to type."""

import re
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from reon_export.cli.app import app
from reon_export.export import plan
from reon_export.faces.samples import crops_from_photos
from reon_export.paths import DEFAULT_CHECKPOINT, PROJECT_ROOT

README = (PROJECT_ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = sorted(set(re.findall(r"python -m reon_export ([a-z][^`\n#]*)", README)))


def test_the_readme_shows_every_command() -> None:
    shown = {command.split()[0] for command in COMMANDS}
    assert shown == {command.name for command in app.registered_commands}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_shown_command_has_the_options_that_it_is_shown_with(command: str) -> None:
    name, *arguments = command.split()
    help_text = CliRunner().invoke(app, [name, "--help"], terminal_width=200).output
    for argument in arguments:
        if argument.startswith("--"):
            assert re.search(rf"{argument}\b", help_text), f"{argument} is not an option of {name}"


def test_make_targets_exist() -> None:
    makefile = (PROJECT_ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"make ([a-z-]+)", README)):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


def test_files_that_the_readme_names_exist() -> None:
    for path in re.findall(r"`((?:models|web_demo/samples|tests|reon_export|web_demo/js)/[\w./-]+)`", README):
        assert (PROJECT_ROOT / path).exists(), path
    for image in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README):
        assert (PROJECT_ROOT / image).is_file(), image


@pytest.mark.browser
@pytest.mark.slow
def test_the_python_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    shutil.copy(DEFAULT_CHECKPOINT, tmp_path / "my.safetensors")
    monkeypatch.chdir(tmp_path)
    # At 224 pixels the usual 64 crops take half a minute.
    monkeypatch.setattr(plan, "crops_from_photos", partial(crops_from_photos, count=8))
    names: dict[str, object] = {"crops_rgb": np.zeros((2, 224, 224, 3), np.uint8)}
    exec(example, names)  # noqa: S102  # our own README
    probabilities = names["probabilities"]
    assert isinstance(probabilities, np.ndarray)
    assert probabilities.shape == (2, 7)
    assert (tmp_path / "my_model" / "manifest.json").is_file()
