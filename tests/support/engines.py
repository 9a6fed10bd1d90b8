"""Browsers that may be missing at a desk and must be there in CI."""

import os

import pytest

from reon_export.browsers.select import find_engine
from reon_export.errors import BrowserError


def require_engine(name: str) -> str:
    """The engine's name, if it is installed; else the test is skipped, or fails in CI, which must have all."""
    try:
        find_engine(name)
    except BrowserError as error:
        if os.environ.get("CI", "").lower() not in {"", "0", "false"}:
            pytest.fail(f"CI must have every engine: {error}")
        pytest.skip(f"not installed: {name}")
    return name
