"""Make the page's sample performance and its imitation: `python tests/golden/make_sample_clips.py`.

Two videos of real faces, made from the photographs in web_demo/samples by panning, zooming and cross-fading. The
imitation is 0.4 s late, and another person stands in for the fourth of its five shots: a good score, not a perfect one.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from reon_export.paths import SAMPLE_PHOTOS  # noqa: E402
from tests.support import clips  # noqa: E402

LAG_S = 0.4
IMITATION = (*clips.ACTOR[:3], clips.Shot(clips.ASTRONAUT, 1.5), clips.ACTOR[4])


def main() -> None:
    """Write both, over what is there."""
    times = clips.even_times(clips.length_of(clips.ACTOR))
    for name, shots, delay_s in (("actor.webm", clips.ACTOR, 0.0), ("imitation.webm", IMITATION, LAG_S)):
        path = clips.write_clip(
            SAMPLE_PHOTOS / name, clips.performance(shots, delay_s), times, codec="libvpx-vp9", bit_rate=350_000
        )
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
