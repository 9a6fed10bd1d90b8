"""One image of a data set: read, decoded, its face found. Whatever is wrong with it becomes its record's status."""

import hashlib
import time
from dataclasses import dataclass

from reon_export.evaluate.batches import Record
from reon_export.evaluate.datasets import Dataset, Entry
from reon_export.faces.crop import Box, Image, check_box
from reon_export.faces.decode import decode_image_rgb
from reon_export.faces.haar import HaarDetector


@dataclass(frozen=True)
class Found:
    """An image that can be used: its pixels (uint8 [H, W, 3], RGB), and its face's box if it needs one."""

    image_rgb: Image
    box: Box | None


@dataclass(frozen=True)
class EntryReader:
    """Reads entries of a data set; with `needs_box`, only those with a face are found.

    The face is the detector's largest, or without a detector the annotated one. `margin` is the crop's, which may not
    be larger than `limits.max_pixels`. `with_hash` puts the file's `bytes` and `sha256` into every record.
    """

    data: Dataset
    detector: HaarDetector | None
    needs_box: bool
    margin: float
    with_hash: bool = False

    def read(self, entry: Entry) -> tuple[Record, Found | None]:
        """The beginning of the entry's record, and what was found if its `status` is `ok`.

        Other states: `unreadable` (with a `reason`), `no_face` (the detector found none), `no_box` (the data has none
        for it), `no_label` (the annotators disagree). `seconds` is what reading, decoding and `haar` took.
        """
        record: Record = {"path": entry.path, "label": entry.label, "status": "ok", "seconds": {}}
        if entry.label is None:
            return {**record, "status": "no_label"}, None
        try:
            found = self._find(entry, record)
        # One file of half a million may fail in any way that a decoder knows: the job goes on without it.
        except Exception as error:  # noqa: BLE001
            reason = str(error) or type(error).__name__
            return {**record, "status": "unreadable", "reason": reason}, None
        if self.needs_box and found.box is None:
            return {**record, "status": "no_face" if self.detector else "no_box"}, None
        return record, found

    def _find(self, entry: Entry, record: Record) -> Found:
        seconds = record["seconds"]
        started = time.perf_counter()
        content = self.data.read(entry.path)
        if self.with_hash:
            record |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        read = time.perf_counter()
        image_rgb = decode_image_rgb(content, entry.path)
        decoded = time.perf_counter()
        seconds.update(read=read - started, decode=decoded - read)
        if not self.needs_box:
            return Found(image_rgb, None)
        if self.detector is None:
            boxes = [entry.box] if entry.box else []
        else:
            boxes = self.detector.detect(image_rgb)
            seconds["haar"] = time.perf_counter() - decoded
        if boxes:
            check_box(boxes[0], image_rgb, self.margin)
        return Found(image_rgb, boxes[0] if boxes else None)
