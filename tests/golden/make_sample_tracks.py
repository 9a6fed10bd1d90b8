"""Make the tracks of the page's sample clips: `python tests/golden/make_sample_tracks.py`, after `make build`.

The page itself makes them, in Chromium, with the weights that are not reduced. With them it shows its example at once,
and takes them only for the very clips and the very model that they were made from; with any other it reads the clips.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from reon_export.browsers.select import open_page  # noqa: E402
from reon_export.paths import SAMPLE_PHOTOS, WEB_DEMO  # noqa: E402
from reon_export.site.server import SiteServer  # noqa: E402

DECIMALS = 5  # the score moves by less than a thousandth of a point
READ = """async (name) => {
    const {createEmotionPipeline} = await import('/js/pipeline.js');
    const {analyseClip, openClip} = await import('/js/clip.js');
    const {trackToJson} = await import('/js/score_files.js');
    const pipeline = await createEmotionPipeline({manifestUrl: 'model/manifest.json', precision: 'float32'});
    const clip = await openClip(await (await fetch(`/samples/${name}`)).blob(), name);
    const track = await analyseClip(clip, pipeline);
    clip.destroy();
    pipeline.destroy();
    return trackToJson(track);
}"""


def main() -> None:
    """Write both, over what is there."""
    samples = json.loads((SAMPLE_PHOTOS / "samples.json").read_text(encoding="utf-8"))
    with SiteServer(WEB_DEMO) as site, open_page(f"{site.url}parity.html", browser="chromium") as driver:
        for who in ("actor", "user"):
            clip = SAMPLE_PHOTOS / samples[who]
            track = driver.evaluate(READ, clip.name)
            track["model"]["clip_sha256"] = hashlib.sha256(clip.read_bytes()).hexdigest()
            path = SAMPLE_PHOTOS / samples[f"{who}_track"]
            path.write_text(json.dumps(rounded(track), separators=(",", ":")) + "\n", encoding="utf-8")
            print(f"{path.relative_to(ROOT)}: {path.stat().st_size:,} bytes")


def rounded(content: object) -> Any:
    """The same with fewer digits."""
    return json.loads(json.dumps(content), parse_float=lambda text: round(float(text), DECIMALS))


if __name__ == "__main__":
    main()
