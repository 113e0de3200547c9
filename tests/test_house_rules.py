"""House rules: sizes, first lines, names, and what no file may do."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "acclimate"
TEXTS = {path: path.read_text(encoding="utf-8") for path in sorted(SOURCE.rglob("*.py"))}
TREES = {path: ast.parse(text) for path, text in TEXTS.items()}

MAX_FILE, MAX_FUNCTION, MAX_PARAMETERS, MAX_FIRST_LINE = 300, 40, 6, 80
FORBIDDEN = {
    *("utils", "util", "helpers", "helper", "common", "misc", "other", "base"),
    *("manager", "managers", "handler", "handlers"),
}
UNSAFE_CALLS = {"eval", "exec", "yaml.load", "yaml.unsafe_load", "yaml.full_load", "os.system"}
PICKLERS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}

EXCEPTIONS = {
    "cli/serve.py: run": "a verb's options are its parameters",
    "cli/study.py: run": "a verb's options are its parameters",
}
"""Functions that may take more parameters, each with its reason."""


def name_of(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def nodes(*kinds) -> Iterator[tuple[str, ast.AST]]:
    """Every node of these kinds with the name of its file."""
    for path, tree in TREES.items():
        yield from ((name_of(path), node) for node in ast.walk(tree) if isinstance(node, kinds))


FUNCTIONS = [(f"{file}: {f.name}", f) for file, f in nodes(ast.FunctionDef, ast.AsyncFunctionDef)]
CALLS = [
    (file, ast.unparse(c.func), {k.arg: ast.unparse(k.value) for k in c.keywords})
    for file, c in nodes(ast.Call)
]


def imports() -> Iterator[tuple[str, str]]:
    """Every file with each module it imports; a relative one begins with dots."""
    for file, node in nodes(ast.Import, ast.ImportFrom):
        if isinstance(node, ast.Import):
            yield from ((file, alias.name) for alias in node.names)
        else:
            yield file, "." * node.level + (node.module or "")


def test_files_are_short():
    lengths = {name_of(path): len(text.splitlines()) for path, text in TEXTS.items()}
    assert {name: n for name, n in lengths.items() if n > MAX_FILE} == {}


def test_functions_are_short():
    lengths = {name: f.end_lineno - f.lineno + 1 for name, f in FUNCTIONS}
    assert {name: n for name, n in lengths.items() if n > MAX_FUNCTION} == {}


def test_functions_take_few_parameters():
    many = {}
    for name, function in FUNCTIONS:
        given = function.args
        named = [*given.posonlyargs, *given.args, *given.kwonlyargs]
        count = len([a for a in named if a.arg not in {"self", "cls"}])
        if count > MAX_PARAMETERS:
            many[name] = count
    assert set(many) == set(EXCEPTIONS), many


def test_first_line_says_what_a_file_is_for():
    wrong = {}
    for path, text in TEXTS.items():
        first = text.partition("\n")[0]
        said = first.removeprefix('"""').removesuffix('"""')
        if not (first.startswith('"""') and said.endswith(".") and len(said) <= MAX_FIRST_LINE):
            wrong[name_of(path)] = f"{len(said)} characters: {said}"
    assert wrong == {}


def test_names_say_something():
    parts = {name_of(p): {q.lower().strip("_") for q in (p.stem, *p.parts[:-1])} for p in TEXTS}
    here = {part.lower() for part in SOURCE.parts}
    assert {name for name, own in parts.items() if (own - here) & FORBIDDEN} == set()


def test_only_the_command_line_prints():
    found = {file for file, call, _ in CALLS if call == "print" and not file.startswith("cli/")}
    assert found == set()


def test_nothing_runs_what_it_reads():
    assert [(file, call) for file, call, _ in CALLS if call in UNSAFE_CALLS] == []
    for file, call, keywords in CALLS:
        assert keywords.get("trust_remote_code", "False") == "False", file
        assert keywords.get("shell", "False") == "False", file
        assert call != "torch.load" or keywords.get("weights_only") == "True", file


def test_imports_are_absolute_and_nothing_is_pickled():
    found = list(imports())
    assert [(file, name) for file, name in found if name.startswith(".")] == []
    assert [(file, n) for file, n in found if n.partition(".")[0] in PICKLERS] == []


def test_nothing_is_caught_without_a_name():
    assert [file for file, handler in nodes(ast.ExceptHandler) if handler.type is None] == []


def test_torch_waits_until_it_is_used():
    light = ("core/", "study/", "planning/", "server/", "cli/")
    found = []
    for path, tree in TREES.items():
        above = [n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
        names = {ast.unparse(n).split()[1].partition(".")[0] for n in above}
        if name_of(path).startswith(light) and names & {"torch", "transformers", "peft"}:
            found.append(name_of(path))
    assert found == []


def test_the_tree_in_the_readme_is_the_tree():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = [b for b in re.findall(r"```\w*\n(.*?)```", readme, re.S) if "src/acclimate/" in b]
    trees = [b for b in blocks if b.lstrip().startswith("src/acclimate/")]
    assert len(trees) == 1, "README: show the tree once, in a fenced block from src/acclimate/"
    assert named_in(trees[0]) == {
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*")
        if path.is_dir() and path.name != "__pycache__"
    }


def named_in(block):
    """The folders that an indented tree names, by their path below src/acclimate/."""
    found, above = set(), []
    for line in block.splitlines()[1:]:
        match = re.match(r"^([\s│├└─]*)([\w./]+)/(\s|$)", line)
        if match:
            indent = len(match[1])
            above = [(n, name) for n, name in above if n < indent]
            above.append((indent, match[2]))
            found.add("/".join(name for _, name in above))
    return found


def test_a_tree_is_read_by_its_indents():
    block = "src/acclimate/\n  core/   nouns\n  methods/  a file\n    tuning/  x\n  text/\n"
    assert named_in(block) == {"core", "methods", "methods/tuning", "text"}


def test_every_package_has_tests_of_its_name():
    """A mirror: each top folder with code has its folder of tests."""
    folders = {p.name for p in SOURCE.iterdir() if p.is_dir() and any(p.glob("[!_]*.py"))}
    assert [name for name in sorted(folders) if not (ROOT / "tests" / name).is_dir()] == []
