"""What the pages name exists: paths, symbols, options, links. Pages that tell of the past are not looked at."""

import functools
import re

from tree import files_of

HISTORY = ("CHANGELOG.md", "docs/decisions")
PARAGRAPH_WORDS = 150
# Made by running the programs, or elsewhere on the machine.
NOT_OURS = re.compile(r"^(build|runs|shards|photos|checkpoints|grids|samples|/|~|\$|\.\.?/|https?:|\.deps)")
WHERE = ("", "src/", "tests/", "docs/", "data_prep/", "configs/", "launch/")
# Names of the papers, of formats, libraries and programs, that no source of ours need hold.
FOREIGN = "tests/style/foreign_names"


def pages(root):
    for path in [root / "README.md", root / "CONTRIBUTING.md", *sorted((root / "docs").glob("**/*.md"))]:
        if path.exists() and not str(path.relative_to(root)).startswith(HISTORY):
            yield path


class Tree:
    """All that a page may name."""

    def __init__(self, root):
        self.root = root
        self.files = {str(path.relative_to(root)) for path in files_of(root)}
        self.names = {name for file in self.files for name in (file, *(file[:i] for i, c in enumerate(file) if c == "/"))}
        self.names |= {re.sub(r"\.\w+$", "", name) for name in self.names}
        self.names |= {name.rsplit("/", 1)[-1] for name in self.names}
        self.options, self.sections = set(), set()
        if (root / "docs/options.md").exists():
            text = (root / "docs/options.md").read_text()
            self.options = set(re.findall(r"^\| `(?:--)?([a-z0-9-]+\.[a-z0-9-]+)`", text, re.MULTILINE))
            # Values of options that look like options: the measures of checkpoint.keep-best.
            self.options |= set(re.findall(r"\beval\.[a-z_]+", text))
            self.sections = {key.split(".")[0] for key in self.options}
        foreign = root / FOREIGN
        self.foreign = set(re.sub("#.*", "", foreign.read_text()).split()) if foreign.exists() else set()

    @functools.cached_property
    def words(self):
        words = set()
        for file in self.files:
            if not file.endswith((".md", ".safetensors", ".png", ".svg")) and file != FOREIGN:
                words |= set(re.findall(r"[A-Za-z_]\w*", (self.root / file).read_text(errors="ignore")))
        return words

    def has_path(self, path, page):
        path = path.rstrip("/")
        places = [*WHERE, str(page.parent.relative_to(self.root)) + "/"]
        if re.search(r"[*<{]", path):
            for group in re.findall(r"\{([^}]*)\}", path):
                return all(self.has_path(path.replace("{" + group + "}", one), page) for one in group.split(","))
            pattern = re.escape(re.sub(r"<[^>]*>", "*", path)).replace(r"\*", "[^/]*")
            return any(re.fullmatch("(?:" + "|".join(places) + ")" + pattern, name) for name in self.names)
        return any(place + path in self.names for place in places)


def problem_of(tree, page, token):
    """The first thing in a token of code that does not exist, or None."""
    if token in tree.foreign:
        return None
    key = re.fullmatch(r"(?:--)?([a-z]+)\.([a-z0-9-]+|\*)(?:=.*)?", token)
    if key and key[1] in tree.sections and not token.endswith((".h", ".cpp", ".md", ".py")):
        if key[2] != "*" and f"{key[1]}.{key[2]}" not in tree.options:
            return f"no option '{key[1]}.{key[2]}'"
        return None
    if re.fullmatch(r"[\w.*<>{},-]+(/[\w.*<>{},-]+)+/?", token) and not NOT_OURS.match(token):
        return None if tree.has_path(token, page) else f"no file or folder '{token}'"
    if re.fullmatch(r"[\w-]+\.(?:h|cpp|cu|py|ini|sh|md)", token):
        return None if token in tree.names else f"no file '{token}'"
    if symbol := re.fullmatch(r"~?([A-Za-z_]\w*(?:(?:::|\.)[A-Za-z_]\w*)*)(?:\(.*\)|<.*>)?", token):
        for word in re.split(r"::|\.", symbol[1]):
            if word not in tree.words and word not in tree.names and word not in tree.foreign:
                return f"no source has the name '{word}'"
    return None


def tokens_of(line):
    """Pieces of code in a line that name one thing: what stands in backticks; of commands their paths and options."""
    for code in re.findall(r"`([^`]+)`", line):
        words = code.split()
        if len(words) == 1 or re.fullmatch(r"[\w.-]+ = .*", code):
            yield words[0]
        else:
            yield from command_tokens(words)
    if line.startswith("    "):
        yield from command_tokens(line.split())


def command_tokens(words):
    for word in words:
        word = word.strip(",;'\"()")
        if re.match(r"(src|tests|launch|configs|docs|slurm|data_prep)/", word) or re.match(r"--[a-z]+\.[a-z]", word):
            yield word


def anchors_of(page):
    titles = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def check_links(root, page, place, line):
    for target in re.findall(r"\]\(([^)\s]+)\)", line):
        file, _, anchor = target.partition("#")
        if ":" in file:
            continue
        path = (page.parent / file) if file else page
        if not path.exists():
            yield f"{place}: the link '{target}' leads nowhere"
        elif anchor and path.suffix == ".md" and anchor not in anchors_of(path):
            yield f"{place}: no heading '{anchor}' in {path.resolve().relative_to(root)}"


def check_tour(root, place, line):
    """A row of a table that names a source and then a function: the function stands there."""
    for file, function in re.findall(r"\| `((?:src|data_prep)/[^`]+)` \| `([\w:~]+)(?:\(\))?` \|", line):
        path, name = root / file, function.split("::")[-1]
        if path.is_file() and not re.search(rf"\b{re.escape(name)}\(", path.read_text()):
            yield f"{place}: {file} has no function '{name}'"


def check_documents(root):
    tree = Tree(root)
    for page in pages(root):
        for number, line in enumerate(page.read_text().splitlines(), 1):
            place = f"{page.relative_to(root)}:{number}"
            yield from check_links(root, page, place, line)
            yield from check_tour(root, place, line)
            for token in tokens_of(line):
                if problem := problem_of(tree, page, token):
                    yield f"{place}: {problem}"


def check_paragraphs(root):
    for page in pages(root):
        first, words, lines = 0, 0, page.read_text().splitlines() + [""]
        for number, line in enumerate(lines, 1):
            begins_item = re.match(r"\s*(?:[-*]|\d+\.) ", line)
            if not line.strip() or line.startswith(("#", "|", "    ")) or begins_item:
                if words > PARAGRAPH_WORDS:
                    yield (f"{page.relative_to(root)}:{first}: a paragraph of {words} words, up to {PARAGRAPH_WORDS} are "
                           "allowed: a list or a table says it better")
                first, words = number + 1, 0
                if begins_item:
                    first, words = number, len(line.split()) - 1
            else:
                words += len(line.split())
