"""Change the package in small ways, one at a time, and see whether a test fails.

``python tools/mutants.py workers/pool.py db --sample 40``: the files, or folders, of the package, and how
many mutants of each file are tried. cosmic-ray makes them; here is chosen which tests each one must
not pass: those that ran the changed lines, the quick ones first, until one fails. What survives is
printed as a diff. All happens in a copy of ``src``. Results are kept in ``.mutants``, by the text of
the file, so that a run that was broken off goes on, and so are the lines that each test runs: delete
that folder after tests were added or changed, or give ``--again`` to try survivors once more.
"""

from __future__ import annotations

import argparse
import collections
import compileall
import contextlib
import difflib
import hashlib
import importlib
import json
import os
import py_compile
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import coverage
import pytest
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator
from cosmic_ray.operators.provider import OperatorProvider
from parso.python.tree import Name

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / ".mutants"
PACKAGE = "django_asynckit"
#: Which tests may see a fault in which file: the first that fits. Those of databases and servers are too slow.
TESTS = {
    "db/": ("tests/workers", "tests/db"),
    "handler/": ("tests/handler",),
    "middleware/": ("tests/middleware",),
    "workers/": ("tests/workers", "tests/db"),
}
#: Of all that cosmic-ray has: of each kind the one that is hardest to see.
OPERATORS = """
    AddNot ExceptionReplacer NumberReplacer RemoveDecorator ReplaceAndWithOr
    ReplaceBinaryOperator_Add_Sub ReplaceBinaryOperator_Sub_Add ReplaceBreakWithContinue
    ReplaceComparisonOperator_Eq_NotEq ReplaceComparisonOperator_Gt_GtE
    ReplaceComparisonOperator_GtE_Gt ReplaceComparisonOperator_Lt_LtE
    ReplaceComparisonOperator_LtE_Lt ReplaceComparisonOperator_NotEq_Eq
    ReplaceContinueWithBreak ReplaceFalseWithTrue ReplaceOrWithAnd ReplaceTrueWithFalse
    ReplaceUnaryOperator_Delete_Not ZeroIterationForLoop
""".split()  # noqa: SIM905 - Shorter.
#: One test may take so many seconds before it counts as failed.
OF_TEST = 15


class DropStatement(Operator):
    """Leave out a call, a ``return``, a ``raise``, or an assignment to an attribute."""

    def mutation_positions(self, node: Any) -> Iterator[Any]:
        if node.type == "simple_stmt" and _is_worth_dropping(node.children[0]):
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:  # noqa: ARG002 - cosmic-ray passes it.
        return _text(node, "pass\n")

    @classmethod
    def examples(cls) -> tuple[()]:
        return ()


class DropOperand(Operator):
    """Leave out one of the operands of ``and`` and ``or``."""

    def mutation_positions(self, node: Any) -> Iterator[Any]:
        if node.type in ("and_test", "or_test"):
            for operand in node.children[::2]:
                yield operand.start_pos, operand.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        operands = [one.get_code().strip() for one in node.children[::2]]
        del operands[index]
        return _text(node, f" {node.children[1].value} ".join(operands))

    @classmethod
    def examples(cls) -> tuple[()]:
        return ()


def _is_worth_dropping(node: Any) -> bool:
    # Without a local variable nothing works; without a docstring everything does.
    if node.type == "expr_stmt":
        return node.children[0].type != "name" and node.children[1].type != "annassign"
    return node.type in ("atom_expr", "await_expr", "raise_stmt", "return_stmt")


def _text(node: Any, code: str) -> Any:
    return Name(code, node.start_pos, prefix=node.get_first_leaf().prefix)


def operators() -> dict[str, Operator]:
    provider: Any = OperatorProvider()
    return {name: provider[name]() for name in OPERATORS} | {
        "DropOperand": DropOperand(),
        "DropStatement": DropStatement(),
    }


class Contexts:
    """Notes for each test which lines it runs, and for how long."""

    def __init__(self, measured: coverage.Coverage) -> None:
        self._measured = measured
        self.seconds: collections.Counter[str] = collections.Counter()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: Any) -> Any:
        self._measured.switch_context(item.nodeid)
        result = yield
        self._measured.switch_context("")
        return result

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.seconds[report.nodeid] += report.duration


def look_at_lines(source: Path, tests: tuple[str, ...], to: Path) -> None:
    """Run ``tests``, and write what they run: ``{file: {line: [test]}}``."""
    measured = coverage.Coverage(
        config_file=False, data_file=None, source=[str(source)], concurrency=["thread"]
    )
    contexts = Contexts(measured)
    measured.start()
    if pytest.main([*tests, "-q", "-p", "no:randomly"], plugins=[contexts]) != 0:
        sys.exit("These tests fail without any change.")
    measured.stop()
    data = measured.get_data()
    lines = {
        str(Path(file).relative_to(source)): data.contexts_by_lineno(file)
        for file in data.measured_files()
    }
    to.write_text(json.dumps({"lines": lines, "seconds": contexts.seconds}))


class Lines:
    """Which tests run which lines of the package."""

    def __init__(self, source: Path, tests: tuple[str, ...]) -> None:
        known = KEPT / f"{'+'.join(tests).replace('/', '.')}.json"
        if not known.exists():
            KEPT.mkdir(exist_ok=True)
            in_child(lambda: look_at_lines(source, tests, known), 1800, is_quiet=False)
        found = json.loads(known.read_text())
        self._lines, self._seconds = found["lines"], found["seconds"]

    def tests_of(self, file: str, first: int, last: int, most: float) -> list[str]:
        """Return the tests that run these lines, for so many seconds at most.

        Of lines that run at import, it is all that run others of the file.
        """
        lines = self._lines.get(file, {})
        reached = [lines[str(one)] for one in range(first, last + 1) if str(one) in lines]
        if any("" in one for one in reached):
            reached = list(lines.values())
        name = Path(file).stem.strip("_")
        # What a cache keeps runs in the first test only.
        tests = {test for test in self._seconds if f"test_{name}.py" in test}
        tests |= {test for one in reached for test in one if test in self._seconds}
        counts = collections.Counter(test for one in lines.values() for test in one)
        chosen, seconds = [], 0.0

        def rank(test: str) -> Any:
            # First those that are about the file; of the others those that are quick, and run much of it.
            return f"test_{name}.py" not in test, self._seconds[test] / (counts[test] or 1)

        for test in sorted(tests, key=rank):
            seconds += self._seconds[test]
            if seconds > most and chosen:
                break
            chosen.append(test)
        return chosen


def in_child(function: Any, seconds: float, *, is_quiet: bool = True) -> int | None:
    """Run ``function`` in a copy of this process; return its exit code, or ``None`` if it hung."""
    child = os.fork()
    if child == 0:
        os.setsid()
        if is_quiet:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
        code = 1
        with contextlib.suppress(BaseException):
            code = int(function() or 0)
        sys.stdout.flush()
        os._exit(code)
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            time.sleep(0.02)
        return None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # And what it has started.
        with contextlib.suppress(ChildProcessError):
            os.waitpid(child, 0)


def preload() -> None:
    """Import what each run needs and no mutant changes; pytest wants to import its plugins itself."""
    for name in (
        "sqlite3",
        "django.test",
        "django.core.handlers.asgi",
        "django.db.models",
        "uvloop",
    ):
        with contextlib.suppress(Exception):
            importlib.import_module(name)


class Mutants:
    """The mutants of one file, in the copy."""

    def __init__(self, source: Path, name: str) -> None:
        self.name = name
        self._path = source / name
        self._code = self._path.read_text()
        text = hashlib.sha256(self._code.encode()).hexdigest()[:12]
        self._kept = KEPT / f"{name.replace('/', '.')}-{text}.json"
        self.results: dict[str, Any] = {}
        if self._kept.exists():
            self.results = json.loads(self._kept.read_text())

    def all(self) -> list[tuple[str, int, int, int]]:
        """Return the operator, the number, and the first and last line of each."""
        tree, found = get_ast(self._code), []
        for name, operator in operators().items():
            positions = (
                place for node in ast_nodes(tree) for place in operator.mutation_positions(node)
            )
            for number, (start, end) in enumerate(positions):
                found.append((name, number, start[0], max(start[0], end[0] - (end[1] == 0))))
        return found

    def run(self, operator: str, number: int, tests: list[str], seconds: float) -> str:
        """Say what becomes of the mutant."""
        mutated = mutate_code(self._code, operators()[operator], number)
        try:
            compile(mutated, self.name, "exec")
        except SyntaxError:
            return "invalid"
        self._write(mutated)
        try:
            code = in_child(lambda: run_tests(tests), 4 * seconds)
        finally:
            self._write(self._code)
        return {0: "survived", None: "hung"}.get(code, "killed")

    def note(self, key: str, outcome: str, operator: str, number: int) -> None:
        diff = ""
        if outcome in ("survived", "unreached"):
            mutated = mutate_code(self._code, operators()[operator], number)
            lines = [text.splitlines(keepends=True) for text in (self._code, mutated)]
            diff = "".join(difflib.unified_diff(*lines, self.name, operator, n=2))
            print(diff, flush=True)
        self.results[key] = [outcome, diff]
        self._kept.write_text(json.dumps(self.results, indent=1))

    def _write(self, code: str) -> None:
        self._path.write_text(code)
        # Else an old one would be taken, since it may have been compiled within the same second.
        compiled = Path(importlib.util.cache_from_source(str(self._path)))
        compiled.unlink(missing_ok=True)
        if code == self._code:
            py_compile.compile(str(self._path), doraise=True)


def run_tests(tests: list[str]) -> int:
    options = ["-x", "-q", "-o", f"timeout={OF_TEST}"]
    for plugin in ("randomly", "rerunfailures", "cacheprovider"):
        options += ["-p", f"no:{plugin}"]
    sys.dont_write_bytecode = True
    return pytest.main([*options, *tests])


def files_of(names: list[str], source: Path) -> list[str]:
    found = []
    for name in names:
        path = source / name
        found += sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return [str(one.relative_to(source)) for one in found]


def try_file(mutants: Mutants, lines: Lines, options: argparse.Namespace, until: float) -> None:
    chosen = mutants.all()
    random.Random(options.seed).shuffle(chosen)  # noqa: S311 - The same ones each time.
    for operator, number, first, last in chosen[: options.sample]:
        key = f"{operator} {number}"
        earlier = mutants.results.get(key, ["", ""])[0]
        if earlier and not (options.again and earlier in ("survived", "unreached")):
            continue
        if time.monotonic() > until:
            return
        tests = lines.tests_of(mutants.name, first, last, options.seconds)
        outcome = mutants.run(operator, number, tests, options.seconds) if tests else "unreached"
        mutants.note(key, outcome, operator, number)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", help="files or folders below src/django_asynckit")
    parser.add_argument("--sample", type=int, help="how many mutants of each file (all)")
    parser.add_argument("--seed", type=int, default=0, help="which ones")
    parser.add_argument("--minutes", type=float, default=1e6, help="stop after so many")
    parser.add_argument("--seconds", type=float, default=25, help="how long to test each mutant")
    parser.add_argument("--again", action="store_true", help="try what survived once more")
    options = parser.parse_args()
    os.chdir(ROOT)
    until = time.monotonic() + options.minutes * 60
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        shutil.copytree(ROOT / "src", f"{folder}/src", ignore=shutil.ignore_patterns("*.pyc"))
        compileall.compile_dir(f"{folder}/src", quiet=1)
        sys.path.insert(0, f"{folder}/src")
        os.environ |= {"PYTHONPATH": f"{folder}/src", "PYTHONDONTWRITEBYTECODE": "1"}
        preload()
        source = Path(folder, "src", PACKAGE)
        for name in files_of(options.files, source):
            tests = next(tests for start, tests in TESTS.items() if name.startswith(start))
            mutants = Mutants(source, name)
            try_file(mutants, Lines(source, tests), options, until)
            counts = collections.Counter(outcome for outcome, _ in mutants.results.values())
            print(name, dict(counts), "of", len(mutants.all()), flush=True)


if __name__ == "__main__":
    main()
