"""The float32 graphs of model folders of one network, timed in turn in one page.

python tests/benchmarks/graphs.py FOLDER FOLDER
"""

import base64
import json
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from reon_export.browsers.select import CHROMIUM_ARGUMENTS, find_browser
from reon_export.paths import WEB_DEMO
from tests.support.hosts import LoggedHost

ROUNDS, RUNS = 40, 4

TIME = """async ({models, rounds, runs, size}) => {
    const {importTfjs, placeWasm} = await import('/js/vendor.js');
    const tf = await importTfjs();
    placeWasm(tf);
    await tf.setBackend('wasm');
    const graphs = [];
    for (const {json, weights} of models) {
        const {modelTopology, weightsManifest, signature} = json;
        const weightData = Uint8Array.from(atob(weights), (character) => character.charCodeAt(0)).buffer;
        const weightSpecs = weightsManifest.flatMap((group) => group.weights);
        const artefacts = {modelTopology, signature, weightSpecs, weightData, format: 'graph-model'};
        graphs.push(await tf.loadGraphModel({load: async () => artefacts}));
    }
    const pixels = Float32Array.from({length: size * size * 3}, (_, i) => (i * 7919) % 256);
    const input = tf.tensor4d(pixels, [1, size, size, 3]);
    const run = async (graph) => {
        const started = performance.now();
        for (let i = 0; i < runs; i += 1) {
            const answer = graph.execute(input, ['probabilities']);
            await answer.data();
            answer.dispose();
        }
        return (performance.now() - started) / runs;
    };
    const times = graphs.map(() => []);
    for (const graph of graphs) await run(graph);
    for (let round = 0; round < rounds; round += 1) {
        for (const k of graphs.keys()) times[k].push(await run(graphs[k]));
    }
    return times.map((all) => all.sort((a, b) => a - b)[all.length >> 1]);
}"""


def read_model(folder: Path) -> dict[str, Any]:
    """The float32 graph of a model folder, and its weights in one piece."""
    graph = folder / "tfjs-float32"
    model = json.loads((graph / "model.json").read_text(encoding="utf-8"))
    paths = [path for group in model["weightsManifest"] for path in group["paths"]]
    weights = b"".join((graph / path).read_bytes() for path in paths)
    return {"json": model, "weights": base64.b64encode(weights).decode()}


def main() -> None:
    """Print nodes and medians."""
    folders = [Path(argument) for argument in sys.argv[1:]]
    models = [read_model(folder) for folder in folders]
    size = int(models[0]["json"]["signature"]["inputs"]["input"]["tensorShape"]["dim"][1]["size"])
    with LoggedHost(WEB_DEMO) as host, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_browser(), chromium_sandbox=False, args=[*CHROMIUM_ARGUMENTS]
        )
        page = browser.new_page()
        page.goto(f"{host.url}parity.html")
        medians = page.evaluate(TIME, {"models": models, "rounds": ROUNDS, "runs": RUNS, "size": size})
        browser.close()
    for folder, model, median in zip(folders, models, medians, strict=True):
        nodes = [node for node in model["json"]["modelTopology"]["node"] if node["op"] != "Const"]
        print(f"{folder}: {len(nodes)} nodes, {median:.2f} ms, {median / medians[0]:.3f} of the first")


if __name__ == "__main__":
    main()
