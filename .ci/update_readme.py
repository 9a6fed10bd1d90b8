#!/usr/bin/env python3
"""Write the measured figures into the documents: from the manifest of the last build, and from the last benchmarks."""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from reon_export.bench.report import read_bench, to_markdown  # noqa: E402
from reon_export.manifest import Manifest, read_manifest  # noqa: E402
from reon_export.parity.gates import gate_for  # noqa: E402
from reon_export.paths import DEFAULT_MODEL_DIR  # noqa: E402

BENCHMARK = ROOT / "tests" / "benchmarks" / "build_time.json"
SCALE = ROOT / "tests" / "benchmarks" / "evaluate_scale.json"
PAGE = ROOT / "tests" / "benchmarks" / "page.json"
BENCH = ROOT / "tests" / "benchmarks" / "bench.json"


def render_artefacts(manifest: Manifest) -> str:
    """The table of artefacts with measured parity."""
    rows = [
        "| artefact | bytes | gzip | max \\|Δp\\| | its gate | top-1 | verdict |",
        "|---|---:|---:|---:|---:|---:|---|",
    ]
    for artefact in manifest.artefacts:
        parity = artefact.parity
        measured = (f"{parity.max_abs_prob:.1e}", f"{parity.top1_agreement:.1%}") if parity else ("-", "-")
        rows.append(
            f"| {artefact.name} | {artefact.bytes:,} | {artefact.gzip_bytes:,} | {measured[0]} "
            f"| {gate_for(artefact.precision).max_abs_prob:.0e} | {measured[1]} "
            f"| {artefact.verdict.replace('_', ' ')} |"
        )
    tools = ", ".join(f"{name} {version}" for name, version in manifest.tools.items())
    return "\n".join([*rows, "", f"{manifest.name} at {manifest.spec.input.height} px; {tools}."])


def render_build_time() -> str:
    """The benchmark's medians."""
    result = json.loads(BENCHMARK.read_text(encoding="utf-8"))
    (plain, plain_s), (ours, ours_s) = result["median_seconds"].items()
    rounds = len(next(iter(result["seconds"].values())))
    return (
        f"`{ours}`: {ours_s:.0f} s, against {plain_s:.0f} s for {plain} (torch, onnxsim, onnx2tf and three runs of "
        f"tensorflowjs_converter, each with its own command line): {result['ratio']:.1f} times quicker. Medians of "
        f"{rounds} interleaved rounds on {result['cores']} cores, by `python tests/benchmarks/build_time.py`."
    )


def render_evaluate_speed() -> str:
    """What cropping and evaluating cost, and half a million images on paper."""
    result = json.loads(SCALE.read_text(encoding="utf-8"))
    rates, parts = result["throughput"]["images_per_s"], result["parts_ms"]
    small, large = result["memory"][0], result["memory"][-1]
    hours = ", ".join(f"{row['compute_h']:.0f} h on {row['machines']}" for row in result["estimate"])
    return (
        f"`crop` on {result['cores']} shared cores, start included: {rates['local 1']:.0f} images/s with one process, "
        f"{rates['local 2']:.0f} with two, on Ray {rates['ray 1']:.0f} and {rates['ray 2']:.0f} (400-pixel "
        "photographs; OpenCV uses both cores by itself, so two processes gain little there). A worker of `evaluate` "
        f"takes {small['worker_MB']:.0f} MB over {small['images']:,.0f} images and {large['worker_MB']:.0f} MB over "
        f"{large['images']:,.0f}. One original of {parts['bytes'] / 1e6:.1f} MB ({parts['width']} x {parts['height']}) "
        f"costs {parts['haar'] / 1000:.1f} s in Haar, {parts['decode'] / 1000:.1f} s to decode and "
        f"{parts['network']:.0f} ms in the network, on one core: Haar is what saturates, and 489,690 of them take "
        f"about {hours} machines of 8 cores; as crops, cut once, only the network is left. By "
        "`python tests/benchmarks/evaluate_scale.py`."
    )


def render_page() -> str:
    """What the page costs, and its score beside Python's."""
    result = json.loads(PAGE.read_text(encoding="utf-8"))
    first, second, session = result["visits"]["first"], result["visits"]["second"], result["session"]
    tasks = len(session["long_tasks"])
    lines = [
        "| visit | bytes | requests | first paint | model ready | first reading |",
        "|---|---:|---:|---:|---:|---:|",
        *(
            f"| {name} | {row['bytes']:,.0f} | {row['requests']:.0f} | {row['paint']:.0f} ms | {row['ready']:.0f} ms "
            f"| {row['sample']:.0f} ms after the click |"
            for name, row in (("first", first), ("second", second))
        ),
        "",
        f"Medians of {result['rounds']} rounds, {result['browser']} without a graphics processor on {result['cores']} "
        f"shared cores. The camera is read {session['fps']:.0f} times a second (face {session['detect_ms']:.0f} ms, "
        f"emotion {session['classify_ms']:.0f} ms). Tasks of more than 50 ms on the main thread, in "
        f"{session['seconds']} s of camera, clips, recording and replay after loading: {tasks or 'none'}.",
        "",
        f"In a new profile the example's score is there {result['first_scores']['example_s']:.1f} s after the page is "
        f"asked for, and one's own, of a 7 s clip with its countdown, {result['first_scores']['own_s']:.0f} s later.",
        "",
        "| two videos of 7 s | page | Python | Python, Haar | lag: page, Python |",
        "|---|---:|---:|---:|---|",
        *(
            f"| {row['pair']} | {row['page']:.2f} | {row['python']:.2f} | {row['python_haar']:.2f} "
            f"| {row['page_lag_s']:.2f} s, {row['python_lag_s']:.2f} s |"
            for row in result["scores"]
        ),
        "",
        "Python finds faces with the page's detector unless it is told to take Haar. By "
        "`python tests/benchmarks/page.py`.",
    ]
    return "\n".join(lines)


def render_build_output() -> str:
    """The end of what `build` prints, from its table on."""
    command = [sys.executable, "-m", "reon_export", "build"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    shown = done.stdout.strip("\n").replace(str(ROOT) + "/", "")
    return "\n".join("    " + line.rstrip() if line.strip() else "" for line in shown.splitlines())


def replace(path: Path, mark: str, content: str) -> None:
    """Put `content` between the two comments in the file at `path` that bear `mark`."""
    text = path.read_text(encoding="utf-8")
    pattern = re.compile(rf"(<!-- {mark} -->\n).*?(<!-- /{mark} -->)", re.DOTALL)
    if len(pattern.findall(text)) != 1:
        raise SystemExit(f"{path} has no single pair of <!-- {mark} --> marks")
    path.write_text(pattern.sub(lambda match: f"{match[1]}{content}\n{match[2]}", text), encoding="utf-8")


def main() -> None:
    """Build, then write every figure."""
    replace(ROOT / "README.md", "build-output", render_build_output())
    replace(ROOT / "web_demo" / "README.md", "page", render_page())
    replace(ROOT / "web_demo" / "README.md", "bench", to_markdown(read_bench(BENCH)).rstrip())
    contributing = ROOT / "CONTRIBUTING.md"
    replace(contributing, "artefacts", render_artefacts(read_manifest(DEFAULT_MODEL_DIR)))
    replace(contributing, "build-time", render_build_time())
    replace(contributing, "evaluate-speed", render_evaluate_speed())


if __name__ == "__main__":
    main()
