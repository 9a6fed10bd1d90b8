"""Imports of the package point down: from the command line towards the contracts, never back up, and never in a circle.

`python tests/test_imports.py` prints the picture: the rooms, their modules, and who imports whom.
"""

import ast
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "reon_export"
# From the top down. A room may import itself and the rooms below it.
ROOMS = (
    "cli",
    "bench",
    "export",
    "parity",
    "evaluate",
    "score",
    "runtimes",
    "site",
    "checkpoint",
    "faces",
    "environment",
    "browsers",
)
# What everything stands on; below the rooms, and in the same order.
GROUND = (
    "manifest",
    "network_facts",
    "spec",
    "text_file",
    "file_kind",
    "output_places",
    "printable",
    "read_file",
    "limits",
    "atomic",
    "progress",
    "paths",
    "errors",
)
Graph = Mapping[str, set[str]]


def read_graph(package: Path) -> dict[str, set[str]]:
    """Every module of a package, by dotted name below it, and the modules of the package that it imports anywhere."""
    paths = {
        ".".join(path.relative_to(package).with_suffix("").parts).removesuffix(".__init__"): path
        for path in package.rglob("*.py")
        if path.parent != package or path.stem not in {"__init__", "__main__"}
    }
    return {name: _imports(path, package.name, set(paths)) for name, path in paths.items()}


def _imports(path: Path, package: str, known: set[str]) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and f"{node.module}.".startswith(f"{package}."):
            assert node.level == 0, f"{path}: relative import"
            base = node.module.removeprefix(package).removeprefix(".")
            names = {f"{base}.{alias.name}".removeprefix(".") for alias in node.names}
            found |= (names & known) or {base} & known
        elif isinstance(node, ast.Import):
            found |= {alias.name.removeprefix(f"{package}.") for alias in node.names} & known
    return found


def room_of(module: str) -> str:
    return module.partition(".")[0]


def find_faults(graph: Graph) -> list[str]:
    """Every import that points up, every room that has no place in the order, and the first circle."""
    levels = {room: level for level, room in enumerate((*ROOMS, *GROUND))}
    faults = [f"{module} is in no room of the list" for module in graph if room_of(module) not in levels]
    if faults:
        return faults
    for module, imported in graph.items():
        for other in sorted(imported):
            above = levels[room_of(other)] < levels[room_of(module)]
            if above and room_of(module) != room_of(other):
                faults.append(f"{module} imports {other}, which is above it")
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        faults.append(f"a circle: {' -> '.join(error.args[1])}")
    return faults


def test_imports_point_down() -> None:
    graph = read_graph(PACKAGE)
    assert len(graph) > 90
    assert {"score.definition", "errors"} <= graph["score.job"] | graph["score.definition"]
    assert find_faults(graph) == []


def test_the_root_holds_only_the_ground() -> None:
    modules = {path.stem for path in PACKAGE.glob("*.py")}
    assert modules == {"__init__", "__main__", *GROUND}


@pytest.mark.parametrize(
    ("module", "content", "fault"),
    [
        ("faces/a", "from pkg.parity.b import x", "faces.a imports parity.b, which is above it"),
        ("spec", "def f():\n    from pkg.faces import b", "spec imports faces.b, which is above it"),
        ("faces/a", "import pkg.cli.c", "faces.a imports cli.c, which is above it"),
        ("attic/a", "", "attic.a is in no room of the list"),
        ("faces/b", "from pkg.faces.d import y", "a circle: faces.b -> faces.d -> faces.b"),
    ],
)
def test_known_wrong_imports_are_found(tmp_path: Path, module: str, content: str, fault: str) -> None:
    package = tmp_path / "pkg"
    sources = {"faces/b": "", "parity/b": "", "cli/c": "", "faces/d": "from pkg.faces import b", module: content}
    for name, source in sources.items():
        path = package / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    found = find_faults(read_graph(package))
    assert fault in found or fault.replace("faces.b -> faces.d -> faces.b", "faces.d -> faces.b -> faces.d") in found


def describe(graph: Graph) -> str:
    lines = [f"{len(GROUND)} modules at the root ({', '.join(GROUND)}), {len(graph)} in all"]
    for room in ROOMS:
        modules = [module for module in graph if room_of(module) == room]
        below = sorted({room_of(other) for module in modules for other in graph[module]} - {room, *GROUND})
        lines.append(f"{room:<12} {len(modules):>3} modules   imports {', '.join(below) or 'only the ground'}")
    return "\n".join([*lines, f"{len(find_faults(graph))} upward imports or circles"])


if __name__ == "__main__":
    print(describe(read_graph(PACKAGE)))
