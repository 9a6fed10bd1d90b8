"""A page and a model folder in small, for the tests of what visitors get."""

import json
from pathlib import Path

from reon_export.manifest import (
    Manifest,
    Precision,
    SelfTest,
    Source,
    Verdict,
    describe_file,
    describe_files,
    read_manifest,
    write_manifest,
)
from reon_export.spec import ModelSpec

SHARD = "group1-shard1of1.bin"
INDEX = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <title>tiny</title>
  <link rel="icon" href="favicon.svg" type="image/svg+xml">
  <link rel="modulepreload" href="js/app/main.js">
  <link rel="stylesheet" href="style.css">
  <link rel="stylesheet" href="vendor/chart.css">
  <script src="js/app/host.js"></script>
  <script type="module" src="vendor/page.js"></script>
</head>
<body data-state="loading"><p>한국어 &amp; more</p></body>
</html>
"""
PAGE = {
    "index.html": INDEX,
    "style.css": "p { color: red } /* </style> */",
    "favicon.svg": "<svg/>",
    "sw.js": "// keeps the page",
    "js/app/main.js": "fetch(new URL('samples/shown.png', document.baseURI))",
    "js/vendor.js": "",
    "samples/samples.json": '{"photo": "shown.png"}',
    "samples/shown.png": "a picture",
    "vendor/tfjs.js": "",
    "vendor/chart.css": "u { color: blue }",
    "vendor/x-simd.wasm": "wasm",
    "vendor/x-threaded-simd.wasm": "threads",
    "vendor/face-weights_manifest.json": "[]",
    "vendor/face.bin": "weights",
    "vendor/files.json": "{}",
    "vendor/page.js": "bundled",
    "vendor/page.js.map": "{}",
    "vendor/sources.json": "",  # see make_page
    "vendor/chunks/a.js": "",
    "vendor/THIRD_PARTY_LICENSES.txt": "MIT </script> <!-- as is",
}
STAYS_AT_HOME = {
    "README.md": "",
    "package.json": "{}",
    "package-lock.json": "{}",
    "jsconfig.json": "{}",
    "parity.html": "",
    "js/parity.js": "",
    "js/.main.js.swp": "",
    "samples/README.md": "",
    "samples/for_tests.jpg": "another picture",
    "vendor/.stamp": "",
    "tools/vendor.mjs": "",
    "tools/licences/a.txt": "",
    "node_modules/esbuild/package.json": "{}",
    "model/manifest.json": "another model",
}


def make_page(tmp_path: Path) -> Path:
    """Sources of a page, in small, with what lies around it in web_demo."""
    page = tmp_path / "page"
    for name, text in (PAGE | STAYS_AT_HOME).items():
        (page / name).parent.mkdir(parents=True, exist_ok=True)
        (page / name).write_text(text, encoding="utf-8")
    record_sources(page)
    return page


def record_sources(page: Path) -> None:
    """As if vendor/page.js had just been made from js/app/main.js."""
    made_from = {"js/app/main.js": describe_file(page, page / "js/app/main.js").sha256}
    (page / "vendor" / "sources.json").write_text(json.dumps(made_from), encoding="utf-8")


def make_model(tmp_path: Path, spec: ModelSpec) -> Path:
    """A model folder: float32 and float16 passed, uint8 failed, ONNX passed, a self-test."""
    folder = tmp_path / "model"
    verdicts: dict[Precision, Verdict] = {"float32": "passed", "float16": "passed", "uint8": "failed"}
    artefacts = []
    for size, (precision, gate) in enumerate(reversed(verdicts.items()), start=1):
        made = folder / f"tfjs-{precision}"
        made.mkdir(parents=True)
        files = [made / "model.json", made / SHARD]
        files[0].write_text("{}", encoding="utf-8")
        files[1].write_bytes(bytes(1000 * size))
        artefact = describe_files(folder, files, "tfjs", precision)
        reasons = () if gate == "passed" else ("too far off",)
        artefacts.append(artefact.model_copy(update={"verdict": gate, "reasons": reasons}))
    (folder / "model.onnx").write_bytes(b"onnx")
    onnx = describe_files(folder, [folder / "model.onnx"], "onnx", "float32").model_copy(update={"verdict": "passed"})
    (folder / "self_test.bin").write_bytes(b"crops")
    self_test = SelfTest(
        file=describe_file(folder, folder / "self_test.bin"), samples=1, expected_logits=((0.0,) * 7,), max_abs_prob={}
    )
    manifest = Manifest(
        name="tiny",
        spec=spec,
        source=Source(file="tiny.pt", sha256="0" * 64, layout="torchvision", num_classes=7),
        artefacts=(onnx, *reversed(artefacts)),
        self_test=self_test,
        built_at="2026-01-01T00:00:00+00:00",
        tools={},
    )
    write_manifest(manifest, folder)
    return folder


def rejudge(model: Path, verdict: Verdict) -> None:
    """Give every artefact of a model folder this verdict."""
    manifest = read_manifest(model)
    judged = tuple(artefact.model_copy(update={"verdict": verdict}) for artefact in manifest.artefacts)
    write_manifest(manifest.model_copy(update={"artefacts": judged}), model)


def held(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
