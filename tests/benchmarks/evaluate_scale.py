"""What evaluating and cropping cost: throughput by engine and workers, memory by data, half a million images on paper.

Run by hand: `python tests/benchmarks/evaluate_scale.py`; writes evaluate_scale.json beside itself.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from reon_export import load_classifier
from reon_export.evaluate.batches import BatchOptions
from reon_export.evaluate.choices import Executor
from reon_export.evaluate.crop_dataset import CropOptions, crop_dataset
from reon_export.faces.crop import cut_square, square_crop
from reon_export.faces.decode import decode_image_rgb
from reon_export.faces.haar import HaarDetector
from reon_export.faces.image_files import read_image_rgb
from reon_export.faces.preprocess import crop_face
from reon_export.paths import DEFAULT_MODEL_DIR, DEFAULT_SPEC, SAMPLE_PHOTOS
from reon_export.spec import read_spec
from tests.support import face_folders

RESULT = Path(__file__).with_suffix(".json")
SPEC = read_spec(DEFAULT_SPEC)
ROUNDS = 3
IMAGES = 240
WAYS: tuple[tuple[Executor, int], ...] = (("local", 1), ("local", 2), ("ray", 1), ("ray", 2))
# The data set behind RE:ON: 489,690 images in 800 GB of originals.
TARGET_IMAGES, TARGET_BYTES = 489_690, 800e9


def make_links(folder: Path, count: int, sources: list[Path]) -> Path:
    """`count` entries in three class folders, hard links to a few real images."""
    for index in range(count):
        target = folder / ("happiness", "neutral", "surprise")[index % 3] / f"{index:06d}{sources[0].suffix}"
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(sources[index % len(sources)], target)
    return folder


def measure_throughput(work: Path) -> dict[str, Any]:
    """Images per second of `crop` on 400-pixel photographs, starting the workers included; rounds interleaved."""
    photos = [face_folders.write_rgb(work / "p" / f"{n}.png", face_folders.small_photo(n)) for n in face_folders.PHOTOS]
    data = make_links(work / "data", IMAGES, photos)
    seconds: dict[str, list[float]] = {f"{engine} {workers}": [] for engine, workers in WAYS}
    for round_number in range(ROUNDS):
        for engine, workers in WAYS:
            out = work / f"out-{engine}-{workers}-{round_number}"
            started = time.perf_counter()
            crop_dataset(CropOptions(str(data), out, SPEC, batches=BatchOptions(engine, workers, 20)))
            seconds[f"{engine} {workers}"].append(time.perf_counter() - started)
    return {
        "images": IMAGES,
        "seconds": seconds,
        "images_per_s": {k: IMAGES / statistics.median(v) for k, v in seconds.items()},
    }


MEMORY_CHILD = """
import resource, sys, time
from pathlib import Path
from reon_export.evaluate.batches import BatchOptions
from reon_export.evaluate.job import EvaluateOptions, evaluate
if __name__ == "__main__":
    started = time.perf_counter()
    data, out, model = sys.argv[1:]
    batches = BatchOptions("local", 2, 64)
    options = EvaluateOptions(Path(model), data, runtimes=("onnx",), crop="none", out=Path(out), batches=batches)
    result = evaluate(options)
    # Not getrusage: a child's own peak there begins with that of the process that it was forked from.
    status = Path("/proc/self/status").read_text().split()
    own = int(status[status.index("VmHWM:") + 1]) / 1024
    workers = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(result.figures["onnx float32"].images, own, workers, time.perf_counter() - started)
"""


def measure_memory(work: Path) -> list[dict[str, float]]:
    """Peak memory of a whole `evaluate`, main process and largest worker, over 1,000, 10,000 and 100,000 entries."""
    sources = sorted(face_folders.make_crop_folders(work / "crops", SPEC, 48, ("a",)).rglob("*.png"))
    script = work / "child.py"
    script.write_text(MEMORY_CHILD, encoding="utf-8")
    rows = []
    for count in (1_000, 10_000, 100_000):
        data = make_links(work / f"links-{count}", count, sources)
        command = [sys.executable, str(script), str(data), str(work / f"eval-{count}"), str(DEFAULT_MODEL_DIR)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        images, own, workers, seconds = map(float, done.stdout.split()[-4:])
        rows.append({"images": images, "main_MB": own, "worker_MB": workers, "seconds": seconds})
        print(rows[-1], flush=True)
    return rows


def measure_parts() -> dict[str, float]:
    """Milliseconds for one image of the size of the originals (1.6 MB of JPEG), one thread: medians."""
    cv2.setNumThreads(1)
    photo = read_image_rgb(SAMPLE_PHOTOS / "biden.jpg")
    encoded, quality = b"", 80
    scale = 1.0
    while len(encoded) < TARGET_BYTES / TARGET_IMAGES:  # enlarged until its file is as large as an original's
        scale *= 1.1
        large = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        encoded = cv2.imencode(".jpg", large[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
    image = decode_image_rgb(encoded, "large")
    detector, classify = HaarDetector(), load_classifier(DEFAULT_MODEL_DIR)
    box = detector.detect(image)[0]
    crop = crop_face(image, box, SPEC)[None]
    window = np.ascontiguousarray(cut_square(image, square_crop(box, 0))[:, :, ::-1])
    parts: dict[str, Callable[[], object]] = {
        "decode": lambda: decode_image_rgb(encoded, "large"),
        "haar": lambda: detector.detect(image),
        "crop": lambda: crop_face(image, box, SPEC),
        "write png": lambda: cv2.imencode(".png", window),
        "network": lambda: classify(crop),
    }
    times: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(7):
        for name, part in parts.items():
            started = time.perf_counter()
            part()
            times[name].append((time.perf_counter() - started) * 1000)
    png, jpeg = (len(cv2.imencode(suffix, window)[1]) for suffix in (".png", ".jpg"))
    return {
        **{name: statistics.median(values) for name, values in times.items()},
        "width": image.shape[1],
        "height": image.shape[0],
        "bytes": len(encoded),
        "crop_side": window.shape[0],
        "crop_png_bytes": png,
        "crop_jpeg_bytes": jpeg,
    }


def estimate(parts: dict[str, float], cores: int = 8, link_mb_per_s: float = 110) -> list[dict[str, float]]:
    """Hours for the whole set on machines of `cores` cores that share one storage link of 1 GBit/s each."""
    ms = sum(parts[name] for name in ("decode", "haar", "crop", "network"))
    rows = []
    for machines in (1, 10, 100):
        compute_h = TARGET_IMAGES * ms / 1000 / 3600 / (machines * cores)
        reading_h = TARGET_BYTES / 1e6 / link_mb_per_s / 3600 / machines
        rows.append({"machines": machines, "compute_h": compute_h, "reading_h": reading_h})
    return rows


def main() -> None:
    """Measure, print, write."""
    parts = measure_parts()
    print(parts, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        throughput = measure_throughput(Path(folder) / "t")
        print(throughput, flush=True)
        (Path(folder) / "m").mkdir()
        memory = measure_memory(Path(folder) / "m")
    result = {
        "cores": len(os.sched_getaffinity(0)),
        "parts_ms": parts,
        "throughput": throughput,
        "memory": memory,
        "estimate": estimate(parts),
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result["estimate"], indent=1))


if __name__ == "__main__":
    main()
