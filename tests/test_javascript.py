"""The tests of the page's JavaScript that need no browser: node's own test runner over tests/js."""

import subprocess
from pathlib import Path

import pytest

from reon_export.paths import PROJECT_ROOT

FILES = sorted(Path(__file__).with_name("js").glob("*.test.mjs"))


@pytest.mark.parametrize("path", FILES, ids=[path.name for path in FILES])
def test_node_passes_it(path: Path) -> None:
    command = ["node", "--test", str(path)]
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# pass 0" not in done.stdout
