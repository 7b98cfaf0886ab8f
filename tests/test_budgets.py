"""The budgets of the house that no linter counts: how long a thing is, what it may not carry."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "watchword"
SOURCES = sorted(PACKAGE.rglob("*.py"))

LONGEST_FILE = 300
LONGEST_FUNCTION = 40
WIDEST_PROTOCOL = 8

MARKS = re.compile(r"\b(TODO|FIXME|XXX|HACK|NotImplementedError)\b")
LAZY = re.compile(r"# lazy: \S+")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def long_file(source: str) -> list[str]:
    length = len(source.splitlines())
    return [f"{length} lines"] if length > LONGEST_FILE else []


def long_functions(source: str) -> list[str]:
    return [
        f"{function.name}: {length} lines"
        for function in functions(ast.parse(source))
        if (length := (function.end_lineno or 0) - function.lineno + 1) > LONGEST_FUNCTION
    ]


def hidden_imports(source: str) -> list[str]:
    """Imports inside functions, save those whose line says why: `# lazy: <reason>`."""
    lines = source.splitlines()
    found = {
        node.lineno: lines[node.lineno - 1].strip()
        for function in functions(ast.parse(source))
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    return [f"line {at}: {line}" for at, line in sorted(found.items()) if not LAZY.search(line)]


def wide_protocols(source: str) -> list[str]:
    return [
        f"{node.name}: {methods} methods"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ClassDef)
        and any(ast.unparse(base).startswith("Protocol") for base in node.bases)
        and (methods := sum(isinstance(part, Function) for part in node.body)) > WIDEST_PROTOCOL
    ]


def left_behind(source: str) -> list[str]:
    return [
        f"line {at}: {line.strip()}"
        for at, line in enumerate(source.splitlines(), 1)
        if MARKS.search(line)
    ]


def offenders(rule: Callable[[str], list[str]], *, exempt: Path | None = None) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}: {offence}"
        for path in SOURCES
        if exempt not in path.parents
        for offence in rule(path.read_text("utf-8"))
    ]


class TestThePackage:
    def test_is_where_these_rules_look(self) -> None:
        assert PACKAGE / "__init__.py" in SOURCES

    def test_has_files_that_are_read_in_one_sitting(self) -> None:
        assert offenders(long_file) == []

    def test_has_functions_that_fit_on_a_screen(self) -> None:
        assert offenders(long_functions) == []

    def test_has_ports_that_ask_for_one_thing(self) -> None:
        assert offenders(wide_protocols) == []

    def test_leaves_nothing_for_later(self) -> None:
        assert offenders(left_behind) == []

    def test_imports_where_it_is_seen(self) -> None:
        """A command may import what it needs when it runs, so that `--help` is quick."""
        assert offenders(hidden_imports, exempt=PACKAGE / "cli") == []


class TestTheRulesThemselves:
    def test_a_long_file_is_found(self) -> None:
        assert long_file("x = 1\n" * (LONGEST_FILE + 1)) == ["301 lines"]
        assert long_file("x = 1\n" * LONGEST_FILE) == []

    def test_a_long_function_is_found(self) -> None:
        source = "async def f():\n" + "    x = 1\n" * LONGEST_FUNCTION
        assert long_functions(source) == ["f: 41 lines"]

    def test_a_function_of_just_the_budget_passes(self) -> None:
        assert long_functions("def f():\n" + "    x = 1\n" * (LONGEST_FUNCTION - 1)) == []

    def test_an_import_in_a_function_is_found(self) -> None:
        assert hidden_imports("def f():\n    import json\n") == ["line 2: import json"]

    def test_a_lazy_import_needs_a_reason(self) -> None:
        assert hidden_imports("def f():\n    import json  # lazy:\n") != []
        assert hidden_imports("def f():\n    import json  # lazy: 0.8 s to import\n") == []

    def test_an_import_of_a_module_or_for_types_passes(self) -> None:
        assert hidden_imports("import json\nif TYPE_CHECKING:\n    import re\n") == []

    def test_a_wide_protocol_is_found(self) -> None:
        body = "".join(f"    def m{n}(self) -> None: ...\n" for n in range(WIDEST_PROTOCOL + 1))
        assert wide_protocols(f"class P(Protocol):\n{body}") == ["P: 9 methods"]

    @pytest.mark.parametrize("mark", ["TODO", "FIXME", "XXX", "HACK", "NotImplementedError"])
    def test_a_mark_is_found(self, mark: str) -> None:
        assert left_behind(f"x = 1  # {mark}: later\n") == [f"line 1: x = 1  # {mark}: later"]
