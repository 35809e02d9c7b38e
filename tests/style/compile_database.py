"""What the build compiles, from its compile_commands.json."""

import json
import pathlib
import re


def compiled_sources(build):
    """Each source with its entry. One that only includes others, as CMake makes it for BBG_UNITY, stands for these."""
    entries = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = pathlib.Path(entry["directory"], entry["file"])
        sources = [path]
        if path.parent.name == "Unity":
            sources = map(pathlib.Path, re.findall(r'^#include "(.*)"$', path.read_text(), re.MULTILINE))
        for source in sources:
            entries[source.resolve()] = {**entry, "file": str(source),
                                         "command": entry.get("command", "").replace(str(path), str(source))}
    return entries
