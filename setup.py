"""Puts the page and the default checkpoint into a wheel; pyproject.toml says everything else.

A checkout has them beside the package, so an editable install takes none of this. `make vendor` must have been run.
"""

import shutil
import subprocess
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist
from setuptools.errors import SetupError

ROOT = Path(__file__).resolve().parent
PAGE = ROOT / "web_demo"
PROGRAM = "standalone_program.js"
CHECKPOINT = "reon-demo-b0"
NOT_SHIPPED = shutil.ignore_patterns("*.md", ".*")


def write_program(target: Path) -> None:
    """The page's JavaScript as one script, for `build --standalone` where there is no Node."""
    if (ROOT / PROGRAM).is_file():  # in an sdist
        shutil.copyfile(ROOT / PROGRAM, target)
        return
    try:
        node = shutil.which("node") or "node"
        subprocess.run([node, str(PAGE / "tools" / "standalone.mjs"), str(target)], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SetupError(
            f"the page cannot be bundled ({error}); run 'make vendor' first, which takes Node 20"
        ) from error


class BuildWithPage(build_py):
    """Copies what `reon_export/paths.py` looks for in `bundled`."""

    def run(self) -> None:
        """Build as ever, then add the page."""
        super().run()
        if self.editable_mode:
            return
        if not (PAGE / "vendor" / "tfjs.js").is_file():
            raise SetupError("the page's libraries are not built (no web_demo/vendor); run 'make vendor' first")
        bundled = Path(self.build_lib) / "reon_export" / "bundled"
        shutil.rmtree(bundled, ignore_errors=True)
        page = bundled / "web_demo"
        for folder in ("icons", "js", "samples", "vendor"):
            shutil.copytree(PAGE / folder, page / folder, ignore=NOT_SHIPPED)
        for path in PAGE.iterdir():
            if path.suffix in {".html", ".css", ".svg", ".webmanifest"} or path.name == "sw.js":
                shutil.copyfile(path, page / path.name)
        (bundled / "models").mkdir()
        for suffix in (".json", ".safetensors"):
            shutil.copyfile(ROOT / "models" / f"{CHECKPOINT}{suffix}", bundled / "models" / f"{CHECKPOINT}{suffix}")
        write_program(bundled / PROGRAM)


class SdistWithProgram(sdist):
    """A source archive from which a wheel can be built without Node."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        """Add the script to what MANIFEST.in names."""
        super().make_release_tree(base_dir, files)
        write_program(Path(base_dir) / PROGRAM)


setup(cmdclass={"build_py": BuildWithPage, "sdist": SdistWithProgram})
