"""Broken input for every reader, for as long as one likes; see tests/support/fuzzing.py.

    python tests/fuzz.py --minutes 5 [--target checkpoint] [--seed 1]

Prints each kind of find (whatever is neither a result nor a ReonExportError, takes over 20 seconds, 8 GB, or kills the
process) with a seed that makes it again: python tests/fuzz.py --target score --seed 12 --cases 1
"""

import argparse
import multiprocessing
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from random import Random
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

_CASE_S, _MEMORY_BYTES = 20, 8 * 1024**3


def run_case(target: Any, seed: int, folder: Path) -> str | None:
    """None, or what was found: the kind of exception and where in the package it arose."""
    from reon_export.errors import ReonExportError

    for path in folder.iterdir():
        path.unlink()
    for name, content in target.make(Random(seed)).items():  # noqa: S311
        (folder / name).write_bytes(content)
    try:
        target.read(folder)
    except ReonExportError:
        return None
    except BaseException as error:  # noqa: BLE001
        frames = traceback.extract_tb(error.__traceback__)
        inside = [frame for frame in frames if "reon_export" in frame.filename] or list(frames)
        place = inside[-1]
        return f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno} ({str(error)[:60]})"
    return None


def _work(name: str, first: int, count: int, until: float, current: "Synchronized[int]", finds: Any) -> None:
    from reon_export.checkpoint.efficientnet import EfficientNetB0
    from tests.support.checkpoint_files import skeleton
    from tests.support.fuzzing import make_targets

    def stop(*_: object) -> None:
        raise TimeoutError(f"over {_CASE_S} s")

    signal.signal(signal.SIGALRM, stop)
    state = skeleton(lambda: EfficientNetB0(7))
    target = make_targets({key: value for key, value in state.items() if not key.endswith("tracked")})[name]
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(first, first + count):
            current.value = seed
            if time.time() > until:
                break
            signal.alarm(_CASE_S)
            found = run_case(target, seed, Path(folder))
            signal.alarm(0)
            if found:
                finds.put((seed, found))
        else:
            current.value = first + count
    current.value = -1 - current.value  # done


def fuzz(name: str, first: int, count: int, seconds: float) -> tuple[int, dict[str, list[int]]]:
    """Cases run, and the seeds of each kind of find."""
    context = multiprocessing.get_context("spawn")
    kinds: dict[str, list[int]] = {}
    until, seed = time.time() + seconds, first
    while seed < first + count and time.time() < until:
        current, finds = context.Value("q", seed), context.SimpleQueue()
        child = context.Process(target=_work, args=(name, seed, first + count - seed, until, current, finds))
        child.start()
        while child.is_alive() or not finds.empty():
            if finds.empty():
                time.sleep(0.02)
                continue
            found, kind = finds.get()
            kinds.setdefault(kind, []).append(found)
        child.join()
        if current.value < 0:
            return -1 - current.value - first, kinds
        kinds.setdefault(f"killed the process (exit code {child.exitcode})", []).append(current.value)
        seed = current.value + 1
    return seed - first, kinds


def main() -> None:
    """Run every target for its share of the time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--target", action="append")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cases", type=int, default=10**9)
    options = parser.parse_args()
    known = ["score", "annotations", "labels", "spec", "manifest", "image", "video", "archive", "checkpoint"]
    chosen = options.target or known
    totals: Counter[str] = Counter()
    for name in chosen:
        cases, kinds = fuzz(name, options.seed, options.cases, options.minutes * 60 / len(chosen))
        totals.update(cases=cases, kinds=len(kinds), finds=sum(map(len, kinds.values())))
        print(f"{name}: {cases} cases, {len(kinds)} kinds of find", flush=True)
        for kind, seeds in sorted(kinds.items(), key=lambda item: -len(item[1])):
            print(f"    {len(seeds):6} x {kind}; --target {name} --seed {seeds[0]} --cases 1", flush=True)
    print(f"{totals['cases']} cases, {totals['finds']} finds of {totals['kinds']} kinds")
    sys.exit(1 if totals["finds"] else 0)


if __name__ == "__main__":
    main()
