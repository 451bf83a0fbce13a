"""The code's own style, held by tests: sizes, banned calls, purity of projections, nothing dead.

What ruff, mypy and import-linter can say they say (`make check`); here is what they cannot.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("engine", "projections", "schemas", "bench")

ENTRIES = ("engine.cli.main", "bench.__main__", "bench.jobs", "schemas.documents")
"""What is started from outside: the console script, `python -m bench` and the jobs it starts, the schema generator."""

MODULE_LINES_MAX = 600
FUNCTION_LINES_MAX = 80

PURE = frozenset(
    [
        "__future__",
        "bisect",
        "collections",
        "collections.abc",
        "datetime",
        "enum",
        "functools",
        "heapq",
        "itertools",
        "msgspec",
        "msgspec.structs",
        "operator",
        "re",
        "types",
        "typing",
        "rapidfuzz",
    ]
)
"""All a projection or a schema may import beside its own kind; rapidfuzz is the only library among it with logic."""

WRITTEN_BY_HAND = ("schemas.documents", "schemas.compatibility")
"""Run by developers, to write and check the generated documents; nothing that folds imports them."""

UNSURE = frozenset(["eval", "exec", "float", "hash", "id", "input", "open", "print", "round", "__import__"])
"""Built-ins that do I/O, make a float, or whose answer differs from process to process."""

CLOCKS = {
    "engine.views.queries": "a live store is read as of now",
    "engine.api.events": "limits by the minute, and when a source was last heard",
}
"""Where the wall clock is read. Everywhere else time is passed in: a seven-day deadline is tested in milliseconds."""

NOW = frozenset(
    [
        "datetime.now",
        "datetime.utcnow",
        "datetime.today",
        "date.today",
        "time.time",
        "time.time_ns",
        "time.localtime",
    ]
)


def _modules(*packages: str) -> Iterator[tuple[str, Path]]:
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


ALL = dict(_modules(*PACKAGES))
PROJECTIONS = dict(_modules("projections"))
PURE_MODULES = {n: p for n, p in _modules("projections", "schemas") if n not in WRITTEN_BY_HAND}


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def _nodes(modules: dict[str, Path]) -> Iterator[tuple[str, Path, ast.AST]]:
    for name, path in modules.items():
        for node in ast.walk(_tree(path)):
            yield name, path, node


def _place(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"


def test_modules_are_short_enough_to_read() -> None:
    lines = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in ALL.items()}

    assert {name: count for name, count in lines.items() if count > MODULE_LINES_MAX} == {}


def test_functions_fit_on_a_screen_or_two() -> None:
    lengths = {
        f"{_place(path, node)} {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for _, path, node in _nodes(ALL)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }

    assert {name: length for name, length in lengths.items() if length > FUNCTION_LINES_MAX} == {}


def test_every_module_says_what_it_is() -> None:
    assert [name for name, path in ALL.items() if not ast.get_docstring(_tree(path))] == []


def test_nothing_is_left_for_later() -> None:
    marks = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b")
    files = [*ALL.values(), *(ROOT / "tests").rglob("*.py"), ROOT / "streams.yaml", ROOT / "Makefile"]
    left = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if marks.search(line)
    ]

    assert left == []


def test_only_the_command_line_prints() -> None:
    printed = [
        _place(path, node)
        for name, path, node in _nodes(ALL)
        if _called(node) == "print" and not name.startswith(("engine.cli", "bench"))
    ]

    assert printed == []


def test_the_wall_clock_is_read_in_few_places() -> None:
    read = {
        name for name, _, node in _nodes(ALL) if isinstance(node, ast.Attribute) and ast.unparse(node) in NOW
    }

    assert {name for name in read if not name.startswith(("bench", "engine.cli"))} == set(CLOCKS)


def test_projections_and_schemas_import_nothing_that_touches_the_world() -> None:
    touched = [
        f"{_place(path, node)} {imported}"
        for path in PURE_MODULES.values()
        for node, imported in _imported(_tree(path))
        if imported not in PURE and not imported.startswith(("projections", "schemas"))
    ]

    assert touched == []


def test_projections_know_no_floats() -> None:
    found = [
        f"{_place(path, node)} {ast.unparse(node)}"
        for _, path, node in _nodes(PROJECTIONS)
        if (isinstance(node, ast.Constant) and isinstance(node.value, float))
        or (isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div))
        or (isinstance(node, ast.Name) and node.id == "float")
    ]

    assert found == []


def test_projections_call_nothing_that_answers_differently_elsewhere() -> None:
    found = [
        f"{_place(path, node).partition(':')[0]} {_called(node)}"
        for _, path, node in _nodes(PROJECTIONS)
        if _called(node) in UNSURE
    ]

    # A cache of what follows from a policy, by which object it is; the entry keeps the object, nothing else sees the id.
    assert found == ["projections/sla/tiers.py id"]


def test_no_module_is_dead() -> None:
    """Every module is reached from an entry by imports, or by its dotted name where it is loaded late."""
    reached: set[str] = set()
    ahead = list(ENTRIES)
    while ahead:
        name = ahead.pop()
        if name in reached or name not in ALL:
            continue
        reached.add(name)
        ahead.append(name.rpartition(".")[0])
        tree = _tree(ALL[name])
        ahead += [imported for _, imported in _imported(tree)]
        ahead += [
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]

    assert sorted(set(ALL) - reached) == []


def test_no_name_is_dead() -> None:
    """Every function, class and constant of a module is spoken of somewhere besides where it is made, tests not counted."""
    spoken: Counter[str] = Counter()
    made: dict[str, str] = {}
    for module, path in ALL.items():
        tree = _tree(path)
        for statement in tree.body if module not in WRITTEN_BY_HAND else ():
            for name in _made(statement):
                made[name] = _place(path, statement)
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                spoken[node.id] += 1
            elif isinstance(node, ast.Attribute):
                spoken[node.attr] += 1
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
                spoken[node.value] += 1
    dead = {name: place for name, place in made.items() if not spoken[name] and not name.startswith("__")}

    assert dead == {}


def _made(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        # What is decorated is registered by its decorator: a command, a route.
        if not node.decorator_list:
            yield node.name
    elif isinstance(node, ast.Assign):
        yield from (target.id for target in node.targets if isinstance(target, ast.Name))
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        yield node.target.id


def _called(node: ast.AST) -> str:
    """The plain name a node calls, "" for none."""
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def _imported(tree: ast.Module) -> Iterator[tuple[ast.stmt, str]]:
    """Every module a tree imports, wherever in it; `from a import b` is both a and, where b is a module, a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node, node.module
            for alias in node.names:
                if f"{node.module}.{alias.name}" in ALL:
                    yield node, f"{node.module}.{alias.name}"
