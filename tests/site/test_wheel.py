"""The wheel, installed away from any checkout: the page and the default checkpoint are inside, Node is not needed."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from reon_export.paths import PROJECT_ROOT
from tests.support import clips

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    # A copy, because setuptools builds inside the source tree, which other tests read.
    source = folder / "source"
    made_here = ("vendor", "node_modules", "model", "build", "dist", "*.egg-info", "__pycache__", ".[!g]*", ".git")
    shutil.copytree(PROJECT_ROOT, source, ignore=shutil.ignore_patterns(*made_here))
    for name in ("vendor", "node_modules"):
        (source / "web_demo" / name).symlink_to(PROJECT_ROOT / "web_demo" / name)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "--wheel-dir", str(folder), str(source)], check=True)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpacked into a folder of its own, which goes before the checkout; what it needs is this environment's."""
    target = tmp_path_factory.mktemp("installed")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target)]
    subprocess.run([*command, str(wheel)], check=True)
    return target


def run(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in an empty folder, with no Node to be found."""
    tools = folder.parent / "no-node"
    tools.mkdir(exist_ok=True)
    path = os.pathsep.join([str(tools), *(p for p in os.environ["PATH"].split(os.pathsep) if not has_node(p))])
    return subprocess.run(
        [sys.executable, "-m", "reon_export", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(installed), "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def has_node(folder: str) -> bool:
    return (Path(folder) / "node").exists()


def test_a_wheel_holds_the_page_its_libraries_with_their_licences_and_the_checkpoint(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    bundled = "reon_export/bundled"
    for name in (
        "models/reon-demo-b0.safetensors",
        "models/reon-demo-b0.json",
        "web_demo/index.html",
        "web_demo/manifest.webmanifest",
        "web_demo/icons/icon-192.png",
        "web_demo/parity.html",
        "web_demo/sw.js",
        "web_demo/js/pipeline.js",
        "web_demo/vendor/tfjs.js",
        "web_demo/vendor/THIRD_PARTY_LICENSES.txt",
        "web_demo/vendor/tiny_face_detector_model.bin",
        "web_demo/samples/obama.jpg",
        "standalone_program.js",
    ):
        assert f"{bundled}/{name}" in names
    assert not any("node_modules" in name or name.startswith(f"{bundled}/web_demo/model") for name in names)
    assert any(name.endswith("dist-info/licenses/LICENSE") for name in names)


def test_everything_runs_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    doctor = json.loads(run(installed, folder, "doctor", "--json").stdout)
    found = {finding["name"]: finding for finding in doctor["findings"]}
    assert found["default checkpoint"]["found"].startswith(str(installed))
    assert found["built model"]["fix"] == "reon-export build"
    assert "torch [export]" in found
    assert "pytest [dev]" not in found
    made = run(installed, folder, "build", "--precision", "float16", "--site", "site", "--standalone", "page.html")
    assert made.returncode == 0, made.stderr
    assert "tfjs float16" in made.stdout
    assert (folder / "model" / "manifest.json").is_file()
    assert (folder / "site" / "model" / "manifest.json").is_file()
    assert (folder / "page.html").stat().st_size > 5_000_000
    assert run(installed, folder, "verify", "site").returncode == 0
    shots = (clips.Shot(clips.SMILE, 0.4), clips.Shot(clips.SPEECH, 0.4))
    clip = clips.write_clip(folder / "a.webm", clips.performance(shots), clips.even_times(0.8))
    score = run(installed, folder, "score", clip.name, clip.name, "--json")
    assert score.returncode == 0, score.stderr
    assert json.loads(score.stdout)["score"] == 100
    assert not list(installed.rglob("model/manifest.json"))  # nothing is written into the installed package
