"""Boxes and masks."""

import json
import statistics

from tables.files import FOLDER
from tables.files import over_seeds
from tables.files import spread
from tables.files import with_interval


def detected():
    """Detectors on digits: what they find, and what attention changes."""
    rows, intervals = [], {}
    for folder, suffix in (("detect", ""), ("detect_detr", ", 40 epochs")):
        found = json.loads((FOLDER / folder / "results.json").read_text())
        for row in found["rows"]:
            rows.append({**row, "detector": row["detector"] + suffix})
        for name, interval in found["intervals"].items():
            intervals[name + suffix] = interval
    lines = [
        "| detector | parameters | seeds | mAP@.5, % | minus *plain* or "
        "*DETR*, points | mAP, % | VOC, % |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in dict.fromkeys(row["detector"] for row in rows):
        own = [row for row in rows if row["detector"] == name]
        cells = [name, f"{own[0]['parameters']:,}", str(len(own))]
        cells += [over_seeds(own, key) for key in ("map50", "map", "voc")]
        cells.insert(4, _difference(intervals.get(name, {}), "gain"))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _difference(found, key):
    """Points of a difference with 95 % of draws, or a dash."""
    if key not in found:
        return "-"
    points = [100 * x for x in (found[key], *found[f"{key}_interval"])]
    return "{:+z.1f} ({:+z.1f} to {:+z.1f})".format(*points)


# mAP@.5 on BCCD's test images as the authors of CST-YOLO (ICIP 2024) report it,
# from images of 640 pixels.
OF_OTHERS = {
    "RT-DETR, ResNet-50": (None, None, None, 0.875),
    "YOLOv7": (0.977, 0.829, 0.883, 0.896),
    "YOLOv5x": (0.977, 0.877, 0.915, 0.923),
    "CST-YOLO": (0.984, 0.869, 0.928, 0.927),
}


def blood_cells():
    """What is found in photographs, beside published numbers."""
    lines = [
        "| detector | seeds | WBC | RBC | Platelets | mAP@.5, % "
        "| 95 % of test draws | minus frozen, points | minus *plain*, points "
        "| mAP, % |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for folder, kinds in (
        ("detect_cells", {"map50": "frozen, flips alone"}),
        ("detect_cells_whole", {"start": "frozen", "map50": "whole"}),
    ):
        found = json.loads((FOLDER / folder / "results.json").read_text())
        names = dict.fromkeys(row["detector"] for row in found["rows"])
        for interval, kind in kinds.items():
            for name in names:
                own = [row for row in found["rows"] if row["detector"] == name]
                if interval == "start":
                    own = [row["start"] for row in own]
                told = found["intervals"][name]
                cells = [f"{name}, {kind}", *_of_classes(own)]
                low, high = told[interval]
                cells.append(f"{100 * low:.1f} to {100 * high:.1f}")
                gains = told if kind == "whole" else {}
                cells += [_difference(gains, k) for k in ("over_start", "gain")]
                cells.append(over_seeds(own, "map"))
                lines.append(f"| {' | '.join(cells)} |")
    for name, values in OF_OTHERS.items():
        cells = ["-" if x is None else f"{100 * x:.1f}" for x in values]
        lines.append(f"| *{name}* | - | {' | '.join(cells)} | - | - | - | - |")
    return "\n".join(lines)


def _of_classes(rows):
    """The number of seeds, AP at .5 of every class, and its mean."""
    values = [str(len(rows))]
    for name in ("WBC", "RBC", "Platelets"):
        mean = statistics.mean(row["per_class"][name]["ap50"] for row in rows)
        values.append(f"{100 * mean:.1f}")
    return [*values, over_seeds(rows, "map50")]


def segmented(folder="segment"):
    """A U-Net with gates beside three ways to do without."""
    path = FOLDER / folder / "results.json"
    found = json.loads(path.read_text())
    lines = [
        "| | parameters | Dice | IoU | gates - this, Dice |",
        "|---|---|---|---|---|",
    ]
    for model in dict.fromkeys(row["model"] for row in found["rows"]):
        rows = [row for row in found["rows"] if row["model"] == model]
        gain = found["gains"].get(model)
        cells = [
            model,
            f"{rows[0]['parameters']:,}" if "parameters" in rows[0] else "1",
            *(
                spread([row[key] for row in rows], 1, 3)
                if len(rows) > 1
                else f"{rows[0][key]:.3f}"
                for key in ("dice", "iou")
            ),
            with_interval([gain["mean"], *gain["interval"]], "+")
            if gain
            else "-",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    lines += [
        "",
        "| gate of | map | on the object, % | lift | mean weight |",
        "|---|---|---|---|---|",
    ]
    gates = [row["gates"] for row in found["rows"] if row["model"] == "gates"]
    for name in reversed(gates[0]):
        values = [row[name] for row in gates]
        cells = [
            f"`{name.removesuffix('_gate')}`",
            "x".join(map(str, values[0]["map"])),
            spread([value["energy"] for value in values], 100),
            spread([value["lift"] for value in values], 1, 2),
            spread([value["mean_weight"] for value in values], 1, 2),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
