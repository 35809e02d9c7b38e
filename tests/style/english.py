"""How a comment in C++ opens: with its thing or a verb."""

import re

from tree import cpp_files

# A // comment, or what may hold // without being one.
TOKEN = re.compile(r'(//[^\n]*)|/\*.*?\*/|R"([^\s()\\]{0,16})\(.*?\)\2"|"(?:\\.|[^"\\\n])*"'
                   r'|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'', re.DOTALL)
OPENING = re.compile(r"//[/!<]*\s*(of|what|whose)\b", re.IGNORECASE)


def comments_of(source):
    """(line, text) of each // comment; of one with several lines, the first. Those below begin in the same column."""
    last = None
    for match in filter(lambda match: match[1], TOKEN.finditer(source)):
        start = source.rfind("\n", 0, match.start()) + 1
        line, column = source.count("\n", 0, start) + 1, match.start() - start
        is_alone = not source[start:match.start()].strip()
        if not (is_alone and last == (line - 1, column)):
            yield line, match[1]
        last = line, column


def check_english(root):
    for path in cpp_files(root, "src", "data_prep", "tests"):
        for line, text in comments_of(path.read_text()):
            if word := OPENING.match(text):
                yield (f"{path.relative_to(root)}:{line}: a comment opens with '{word[1]}'; "
                       "let it begin with its thing or a verb")
