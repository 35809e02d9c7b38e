"""How large rooms, files and functions are."""

import re
import statistics

from tree import cpp_files

ROOM_SHARE = 0.15  # of the lines of src
MEDIAN_LINES = 80
FUNCTION_LINES = 60
EXCEPTIONS = "tests/style/long_functions"

TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|R"([^\s()\\]{0,16})\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\''
                   r'|^[ \t]*#(?:\\\n|[^\n])*', re.DOTALL | re.MULTILINE)


def without_text(source):
    """The source with comments, strings and directives blanked out; lines stay where they are."""
    return TOKEN.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), source)


def functions_of(source):
    """(name, line, lines) of each function that is defined in source, which clang-format has laid out."""
    text = without_text(source)
    scopes, start, inside = [], 0, None  # inside: depth of the function that is open
    for match in re.finditer(r"[{};]", text):
        at, sign = match.start(), match[0]
        head = text[start:at]
        if sign == "{":
            kind = "other"
            if inside is None:
                kind = kind_of(head, text[at - 1])
                if kind == "function":
                    inside = len(scopes)
                    first = start + len(head) - len(head.lstrip())
                    name = name_of(head)
            scopes.append(kind)
            if kind != "initialiser":
                start = at + 1
        elif sign == "}":
            kind = scopes.pop() if scopes else "other"
            if inside == len(scopes) and kind == "function":
                line = text.count("\n", 0, first) + 1
                yield name, line, text.count("\n", 0, at) + 2 - line
                inside = None
            if kind != "initialiser":
                start = at + 1
        elif inside is None and "initialiser" not in scopes:
            start = at + 1


def kind_of(head, before):
    words = re.sub(r"template\s*<.*?>(?=\s*\w)|\[\[.*?\]\]", " ", head, flags=re.DOTALL).split()
    if not words or words[0] in ("namespace", "inline") and "namespace" in words:
        return "scope"
    if words[0] in ("class", "struct", "union", "enum", "extern"):
        return "scope"
    # clang-format leaves a blank before a body and none before a braced value.
    if "(" not in head or head.rstrip()[-1] in "=,(" or not before.isspace():
        return "initialiser"
    return "function"


def name_of(head):
    # The last name before the first parenthesis that is not a template's or an attribute's.
    match = re.search(r"((?:[\w~]+(?:<[^()]*>)?::)*(?:operator\s*\S+?|~?\w+))\s*\(", head)
    return match[1] if match else head.split("(")[0].split()[-1]


def long_functions(root):
    for path in cpp_files(root, "src", "data_prep"):
        for name, line, lines in functions_of(path.read_text()):
            if lines > FUNCTION_LINES and name.split("::")[-1] != "declare":
                yield f"{path.relative_to(root)}:{line}", name, lines


def check_functions(root):
    listed = {}
    if (root / EXCEPTIONS).exists():
        for line in (root / EXCEPTIONS).read_text().splitlines():
            if line := line.split("#")[0].strip():
                name, lines = line.split()
                listed[name] = int(lines)
    for place, name, lines in long_functions(root):
        allowed = listed.pop(name, FUNCTION_LINES)
        if lines > allowed:
            yield f"{place}: {name} has {lines} lines, {allowed} are allowed"
        elif lines < allowed:
            yield f"{place}: {name} has {lines} lines now: write that into {EXCEPTIONS}"
    for name in listed:
        yield f"{EXCEPTIONS}: no long function '{name}' any more: take the line out"


def check_sizes(root):
    lines = {path: len(path.read_text().splitlines()) for path in cpp_files(root, "src")}
    rooms = {}
    for path, count in lines.items():
        room = path.relative_to(root / "src").parts[0]
        rooms[room] = rooms.get(room, 0) + count
    total = sum(lines.values())
    for room, count in rooms.items():
        if count > ROOM_SHARE * total and len(rooms) > 1 / ROOM_SHARE:
            yield f"src/{room}: {count} of {total} lines, more than {ROOM_SHARE:.0%}: it is two rooms"
    if lines and (median := statistics.median(lines.values())) >= MEDIAN_LINES:
        yield f"src: the median file has {median:.0f} lines, {MEDIAN_LINES} or more"
    yield from check_functions(root)
