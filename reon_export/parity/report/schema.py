"""parity.json: how a run becomes one, and how it is read back. Its content is that of reon_export.parity.records.

Every figure is a finite number or null. Null means: not measured, or (in a gate) no bound. Pixels are left out.
Probabilities and top-1 agreement are 0..1, KL is in nats, pixels are in steps of 0..255, times are in seconds,
`started_at` is ISO 8601 in UTC.
"""

import dataclasses
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from reon_export.browsers.version import BrowserVersion
from reon_export.errors import ParityError
from reon_export.limits import max_text_bytes
from reon_export.manifest import Verdict
from reon_export.parity.records import ParityRun
from reon_export.read_file import read_bytes
from reon_export.runtimes.runtime_id import RuntimeId
from reon_export.spec import Record, first_problem

SCHEMA_VERSION = 1
_PIXELS = "crop_rgb"
_KEYS = {"browser": "engine"}
_RUN = TypeAdapter(ParityRun)


class _Head(Record):
    """What parity.json holds besides the run."""

    model_config = ConfigDict(extra="ignore")

    # "schema" itself is a method of pydantic's models.
    schema_version: Literal[1] = Field(alias="schema")
    verdict: Verdict


def make_report(run: ParityRun) -> dict[str, Any]:
    """The content of parity.json. Raises ParityError if the run contradicts itself, as by passing unmeasured."""
    for problem in _find_contradictions(run):
        raise ParityError(f"this parity run contradicts itself: {problem}")
    return {"schema": SCHEMA_VERSION, "verdict": run.verdict, **_plain_fields(run)}


def is_report(path: Path) -> bool:
    """Whether a file looks like a parity.json, of any version."""
    try:
        _Head.model_validate_json(read_bytes(path, max_text_bytes()))
    except (OSError, ValidationError):
        return False
    return True


def read_report(path: Path) -> ParityRun:
    """Read and validate a parity.json. Raises ParityError."""
    again = "make it again with 'python -m reon_export parity'"
    try:
        content = json.loads(read_bytes(path, max_text_bytes()))
        head = _Head.model_validate(content)
        run = _RUN.validate_python({key: value for key, value in content.items() if key not in {"schema", "verdict"}})
    except OSError as error:
        raise ParityError(
            f"cannot read {path}: {error.strerror}; make it with 'python -m reon_export parity'"
        ) from error
    except ValidationError as error:
        reason = first_problem(error)
        raise ParityError(f"{path} is not a parity report of schema {SCHEMA_VERSION}: {reason}; {again}") from error
    except (ValueError, RecursionError) as error:  # not UTF-8, or not JSON
        raise ParityError(f"cannot read {path}: {error}; {again}") from error
    problems = [*_find_contradictions(run)]
    if head.verdict != run.verdict:
        verdicts = ", ".join(sorted({part.verdict for part in run.parts})) or "missing"
        problems.append(f"{head.verdict} as a whole, but its parts are {verdicts}")
    if problems:
        raise ParityError(f"{path} is not a parity report of schema {SCHEMA_VERSION}: {problems[0]}; {again}")
    return run


def _find_contradictions(run: ParityRun) -> Iterator[str]:
    """Verdicts without grounds."""
    for cell in run.cells:
        measured = cell.measurement is not None and not cell.measurement.problems
        if cell.verdict == "passed" and not (measured and cell.gate):
            yield f"{cell.runtime} {cell.precision} passed without a measurement and a gate"
        if cell.verdict == "not_run" and cell.measurement is not None:
            yield f"{cell.runtime} {cell.precision} was not run and has a measurement"


def _plain_fields(record: object) -> dict[str, Any]:
    names = [field.name for field in dataclasses.fields(record)]  # type: ignore[arg-type]  # object: any record of ours
    return {_KEYS.get(name, name): _plain(getattr(record, name)) for name in names if name != _PIXELS} | (
        {"engine": ""} if getattr(record, "browser", "") is None else {}
    )


def _plain(value: object) -> Any:
    """Records to dicts, tuples to lists, numbers that are not finite to None; the keys of dicts in order."""
    if isinstance(value, RuntimeId | BrowserVersion):
        return str(value)
    if dataclasses.is_dataclass(value):
        return _plain_fields(value)
    if isinstance(value, Mapping):
        return {key: _plain(value[key]) for key in sorted(value)}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    # File names may hold bytes that are not UTF-8.
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
