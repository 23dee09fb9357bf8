"""The one JSON file and its tables: whole after every process."""

import json
import os
import pathlib

from gpu.protocol import summarize
from gpu.table import markdown


class Report:
    """What was found so far.

    Processes that do not run this time keep what the file says of them, if it
    comes from the same card and the same versions.

    Args:
        path: The JSON file; beside it comes one of Markdown.
        parts: All parts, so that those which never begin are named.
        environment: Dictionary of the machine.
        settings: What every process is told.
    """

    def __init__(self, path, parts, environment, settings):
        self.path = pathlib.Path(path)
        self.environment = environment
        self.settings = settings
        kept = self._kept()
        self.parts = [
            kept.get(part.name)
            or {
                "name": part.name,
                "title": part.title,
                "status": "not begun",
                "limit": part.seconds,
                "seconds": 0.0,
                "runs": [],
                "rows": [],
            }
            for part in parts
        ]
        self.write()

    def add(self, part, result):
        """Adds what a process of a part found, and writes."""
        entry = next(p for p in self.parts if p["name"] == part.name)
        result = dict(result)
        name, rows = result["name"], result.pop("rows")
        for kind, key in (("runs", "name"), ("rows", "run")):
            entry[kind] = [e for e in entry[kind] if e[key] != name]
        date = self.environment.get("date")
        entry["runs"].append({**result, "rows": len(rows), "date": date})
        entry["rows"] += [{"run": name, **row} for row in rows]
        entry["status"] = summarize(entry["runs"])
        entry["seconds"] = round(sum(r["seconds"] for r in entry["runs"]), 1)
        entry["limit"] = max(part.seconds, entry["limit"])
        self.write()

    def _kept(self):
        """The parts of an earlier run of the same card, by name."""
        if not self.path.is_file():
            return {}
        found = json.loads(self.path.read_text())
        same = found["dry"] == bool(self.settings.get("dry")) and all(
            found["environment"].get(name) == self.environment.get(name)
            for name in ("card", "versions")
        )
        return {part["name"]: part for part in found["parts"]} if same else {}

    def write(self):
        """Replaces the files at once: a reader never sees half of one."""
        found = {
            "dry": bool(self.settings.get("dry")),
            "environment": self.environment,
            "parts": self.parts,
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        for path, text in (
            (self.path, json.dumps(found, indent=1) + "\n"),
            (self.path.with_suffix(".md"), markdown(found)),
        ):
            fresh = path.with_suffix(".new")
            fresh.write_text(text)
            os.replace(fresh, path)
