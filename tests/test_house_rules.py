"""House rules: sizes, first lines, names, and what no file may do."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "acclimate"
TEXTS = {path: path.read_text(encoding="utf-8") for path in sorted(SOURCE.rglob("*.py"))}
TREES = {path: ast.parse(text) for path, text in TEXTS.items()}

MAX_FILE, MAX_LONG_FILE, MAX_FUNCTION, MAX_PARAMETERS, MAX_FIRST_LINE = 300, 400, 40, 6, 80
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

LONG_FILES: dict[str, str] = {}
"""Files that may have up to 400 lines, each with its reason; at most five, and the list only
shrinks."""

SMALL_NEIGHBOURS = {
    "alignment/advantages.py": "advantages are looked for under this name",
    "cli/_raw_texts.py": "what a verb reads is no part of the verb",
    "core/storage/old_class_paths.py": "a frozen table",
    "data/corpus/zstd_file.py": "a file format of its own",
    "data/tokenizers/byte_bpe.py": "a kind of tokenizer a file",
    "data/tokenizers/characters.py": "a kind of tokenizer a file",
    "ensembles/stacking/features.py": "what a classifier sees is looked for under this name",
    "server/health_routes.py": "a group of routes a file",
    "tasks/package/python_docs/preferences.py": "pairs of answers are no questions",
}
"""Modules under 60 lines that only one neighbour imports, each with the reason why it stands alone
and is no part of that neighbour; the list only shrinks."""

SEVERAL_MEANINGS = {
    "A": "a type variable",
    "B": "a type variable",
    "T": "a type variable",
    "main": "what a program begins with",
    "run": "what a verb of the command line does",
}
"""Public names that more than one module defines, each with its reason; at most fifteen, and the
list only shrinks."""

VAGUE = {"own", "found", "told", "said", "asked", "kept", "place", "at", "how"}
"""Names that say nothing of what a variable holds: a noun does."""


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
    long = {name: n for name, n in lengths.items() if n > MAX_FILE}
    assert set(long) == set(LONG_FILES), long
    assert max(long.values(), default=0) <= MAX_LONG_FILE
    assert len(LONG_FILES) <= 5


def importers() -> dict[str, set[str]]:
    """Every file with those that import it."""
    found: dict[str, set[str]] = {name_of(path): set() for path in TEXTS}
    for file, node in nodes(ast.ImportFrom):
        package = (node.module or "").removeprefix("acclimate").strip(".").replace(".", "/")
        named = [f"{package}/{alias.name}".strip("/") for alias in node.names]
        for path in [package, *named]:
            for target in (f"{path}.py", f"{path}/__init__.py"):
                if target in found:
                    found[target].add(file)
    return found


def test_no_file_is_only_what_its_neighbour_had_no_room_for():
    small = set()
    for name, by in importers().items():
        folder, _, file = name.rpartition("/")
        num_lines = len(TEXTS[SOURCE / name].splitlines())
        is_alone = {importer.rpartition("/")[0] for importer in by} == {folder} and len(by) == 1
        if file != "__init__.py" and num_lines < 60 and is_alone:
            small.add(name)
    assert small == set(SMALL_NEIGHBOURS)


def public_names(tree: ast.Module) -> Iterator[str]:
    """What a module defines at its top."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            inside = (n for target in targets for n in ast.walk(target))
            yield from (n.id for n in inside if isinstance(n, ast.Name))


def test_a_public_name_has_one_meaning():
    homes: dict[str, set[str]] = {}
    for path, tree in TREES.items():
        for name in public_names(tree):
            if not name.startswith("_"):
                homes.setdefault(name, set()).add(name_of(path))
    several = {name: sorted(files) for name, files in homes.items() if len(files) > 1}
    assert set(several) == set(SEVERAL_MEANINGS), several
    assert len(SEVERAL_MEANINGS) <= 15


def bound_in(function: ast.AST) -> set[str]:
    """Parameters and variables of a function, without those of functions inside it."""
    names = set()
    rest = [function]
    while rest:
        for node in ast.iter_child_nodes(rest.pop()):
            if isinstance(node, ast.arg):
                names.add(node.arg)
            elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                names.add(node.id)
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                rest.append(node)
    return names


def test_variables_are_called_by_what_they_hold():
    vague = [
        f"{name}: {word}" for name, function in FUNCTIONS for word in bound_in(function) & VAGUE
    ]
    assert vague == []


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
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (light,) = (c for c in contracts["contracts"] if c["name"] == "What is light knows no torch")
    rooms = [m.removeprefix("acclimate.").replace(".", "/") for m in light["source_modules"]]
    heavy = []
    for path, tree in TREES.items():
        above = [n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
        names = {ast.unparse(n).split()[1].partition(".")[0] for n in above}
        is_light = name_of(path).startswith(tuple(f"{room}{end}" for room in rooms for end in "/."))
        if is_light and names & {"torch", "transformers", "peft"}:
            heavy.append(name_of(path))
    assert heavy == []


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
