"""The one JSON file and its tables: whole after every part."""

import json
import os
import pathlib

from gpu.protocol import summarize
from gpu.table import markdown


class Report:
    """What was found so far.

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
        self.parts = [
            {
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

    def add_part(self, part, results):
        """Adds what the processes of a part found, and writes."""
        entry = next(p for p in self.parts if p["name"] == part.name)
        entry["status"] = summarize(results)
        entry["seconds"] = round(sum(r["seconds"] for r in results), 1)
        for result in results:
            rows = result.pop("rows")
            entry["runs"].append({**result, "rows": len(rows)})
            entry["rows"] += [{"run": result["name"], **row} for row in rows]
        self.write()

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
