"""What the build compiles, from its compile_commands.json."""

import json
import pathlib
import re


def translation_units(build):
    """Each entry with the sources it compiles: its file, or those that a file of CMake's for BBG_UNITY includes."""
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = pathlib.Path(entry["directory"], entry["file"])
        sources = [path]
        if path.parent.name == "Unity":
            sources = map(pathlib.Path, re.findall(r'^#include "(.*)"$', path.read_text(), re.MULTILINE))
        yield entry, [source.resolve() for source in sources]


def compiled_sources(build):
    """Each source with an entry that compiles it alone."""
    return {source: {**entry, "file": str(source),
                     "command": entry.get("command", "").replace(entry["file"], str(source))}
            for entry, sources in translation_units(build) for source in sources}
