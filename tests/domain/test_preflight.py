"""Scripts that are read, versions that are compared, wheels that are looked at."""

import pytest

from endpoints.domain.preflight import foreign_wheels, version_conflicts
from endpoints.domain.scoring_script import not_installed, read_script

PLAIN = "def init():\n    pass\n\ndef run(data):\n    return data\n"


def test_a_plain_script_is_fine() -> None:
    facts = read_script("import numpy as np\nfrom sklearn.svm import SVC\n" + PLAIN, filename="score.py")
    assert (facts.error, facts.missing, facts.imports) == ("", (), ("numpy", "sklearn"))


@pytest.mark.parametrize("source", ["def init(:\n", "x = (\n", "\x00", "  def run(): pass"])
def test_what_is_no_python_is_told_with_its_line(source: str) -> None:
    assert read_script(source, filename="score.py").error.startswith("score.py")


@pytest.mark.parametrize("source", ["-" * 200_000 + "1", "a" + ".b" * 100_000, "f" + "()" * 50_000, "lambda:" * 30_000])
def test_a_script_that_would_break_the_parser_is_refused(source: str) -> None:
    assert "nested too deeply" in read_script(source, filename="score.py").error


def test_syntax_of_a_newer_python_cannot_be_judged() -> None:
    assert read_script("def init[T](:\n", filename="s.py", python_version="3.99").error == ""
    assert read_script("def init(:\n", filename="s.py", python_version="3.9").error


@pytest.mark.parametrize(
    "source",
    [
        "from scoring import init, run",
        "from scoring import *",
        "import functools\ninit = lambda: None\nrun = functools.partial(print)",
        "if True:\n    def init(): pass\n    async def run(d): pass",
        "globals().update(init=1, run=2)",
        "init, run = make()",
    ],
)
def test_names_that_may_be_there_are_not_missed(source: str) -> None:
    assert read_script(source, filename="s.py").missing == ()


@pytest.mark.parametrize(
    ("source", "missing"),
    [
        ("", ("init", "run")),
        ("def init(): pass", ("run",)),
        ("class A:\n    def init(self): ...\n    def run(self): ...", ("init", "run")),
    ],
)
def test_names_that_can_nowhere_be_are_missed(source: str, missing: tuple[str, ...]) -> None:
    assert read_script(source, filename="s.py").missing == missing


def test_imports_that_may_fail_do_not_count() -> None:
    source = "try:\n    import torch\nexcept ImportError:\n    torch = None\nfrom . import own\n" + PLAIN
    assert read_script(source, filename="s.py").imports == ()


def test_modules_that_nothing_brings() -> None:
    found = not_installed(
        ("os", "sklearn", "PIL", "pandas", "helpers", "azureml", "mlflow"),
        requirements=("scikit-learn==1.7.2", "Pillow>=9", "mlflow-skinny"),
        own=frozenset({"helpers"}),
    )
    assert found == ["pandas"]


def test_a_pin_that_leaves_the_models_version_out() -> None:
    saved = {"scikit-learn": "1.5.2"}
    assert version_conflicts(saved, ["scikit-learn==1.7.2", "numpy"]) == [
        "The model was saved with scikit-learn 1.5.2; the environment has scikit-learn==1.7.2."
    ]
    for requirement in ("scikit-learn", "scikit_learn~=1.5.0", "numpy==1", "not a requirement !"):
        assert version_conflicts(saved, [requirement]) == []


def test_wheels_of_other_machines() -> None:
    platforms = ["manylinux_2_17_x86_64", "linux_x86_64"]
    paths = [
        "a/pure-1.0-py3-none-any.whl",
        "fast-1.0-cp311-cp311-manylinux_2_17_x86_64.whl",
        "old-1.0-cp39-cp39-manylinux_2_17_x86_64.whl",
        "arm-1.0-cp311-cp311-manylinux_2_17_aarch64.whl",
        "nonsense.whl",
        "score.py",
    ]
    found = foreign_wheels(paths, python_version="3.11", platforms=platforms)
    assert [line.split()[0] for line in found] == [paths[2], paths[3], paths[4]]
