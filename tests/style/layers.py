"""Who includes whom: the table tests/style/layers, read and held against the sources."""

import fnmatch
import re

from tree import cpp_files

TABLE = "tests/style/layers"


class Table:
    """modules: {module: those it may include}; headers: {<header>: its owners}; floors: {module: [[part]], from the bottom}."""

    def __init__(self, path):
        self.modules, self.headers, self.floors = {}, {}, {}
        for line in path.read_text().splitlines():
            name, _, allowed = (part.strip() for part in line.split("#")[0].partition(":"))
            if name.startswith("<"):
                self.headers[name.strip("<>")] = allowed.split()
            elif name.startswith("inside "):
                self.floors[name.split()[1]] = [floor.split() for floor in allowed.split("<")]
            elif name:
                self.modules[name] = allowed.split()

    def part(self, module, file):
        """(floor, name of the part) of a file, whose path is within its module; None where no floor has it."""
        found = [(len(part), floor, part) for floor, parts in enumerate(self.floors[module]) for part in parts
                 if fnmatch.fnmatch(file, part + "*" if part.endswith("/") else part if "." in part else part + ".*")]
        if not found:
            return None
        _, floor, part = max(found)  # the most particular one
        # What `*` takes in are single files and folders, each a part.
        return floor, part if part != "*" else (file.split("/")[0] + "/" if "/" in file else file.split(".")[0])


def check_edge(table, module, place, source, target):
    """An include within one module: down, or inside the same part."""
    ours, theirs = table.part(module, source), table.part(module, target)
    if not ours or not theirs:
        yield f"{place}: {module}/{target if ours else source} is on no floor of '{module}' ({TABLE})"
    elif ours[1] != theirs[1] and ours[0] <= theirs[0]:
        way = "up" if ours[0] < theirs[0] else "sideways"
        yield f"{place}: an include {way} inside {module}, from {ours[1]} to {theirs[1]} ({TABLE})"


def check_line(table, path, place, module, file, ours, foreign):
    # In angle brackets ours would escape the table.
    target, _, rest = (ours or foreign).partition("/")
    if ours and (not rest or target not in table.modules):
        yield f"{place}: write \"{ours}\" as \"module/file.h\""
    elif target in table.modules and rest:
        if target != module and target not in table.modules[module]:
            yield f"{place}: {module} may not include {target} ({TABLE})"
        elif target == module and module in table.floors:
            yield from check_edge(table, module, place, file, rest)
    for header, owners in table.headers.items():
        if foreign and (foreign == header or header.endswith("/") and foreign.startswith(header)):
            if module not in owners:
                yield f"{place}: <{foreign}> belongs to {' and '.join(owners)} ({TABLE})"
            elif path.suffix != ".cpp":
                yield f"{place}: <{foreign}> may be included by .cpp files only"


def check_layers(root):
    table = Table(root / TABLE)
    include = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')
    for path in cpp_files(root, "src", "data_prep"):
        parts = path.relative_to(root).parts
        module, file = (parts[0], parts[1:]) if parts[0] == "data_prep" else (parts[1], parts[2:])
        if module not in table.modules:
            yield f"{path.relative_to(root)}:1: module '{module}' is not in {TABLE}"
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if match := include.match(line):
                place = f"{path.relative_to(root)}:{number}"
                yield from check_line(table, path, place, module, "/".join(file), *match.groups())
