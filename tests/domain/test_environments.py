import pytest

from endpoints.domain.environments import (
    EnvironmentSpec,
    EnvironmentSpecError,
    for_mlflow,
    parse_conda,
    parse_requirements,
    with_runtime,
)
from endpoints.domain.mlflow import MLflowModel


def test_a_requirements_file() -> None:
    text = (
        "\ufeff# ours\n\nScikit_Learn == 1.5.0  # pinned\nnumpy>=1.26,<3\r\nuvicorn[standard]; python_version<'3.13'\n"
    )
    assert parse_requirements(text).requirements == (
        "numpy<3,>=1.26",
        "scikit-learn==1.5.0",
        'uvicorn[standard]; python_version < "3.13"',
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("-r other.txt", "is a pip option"),
        ("--index-url https://example.org", "is a pip option"),
        ("-e .", "is a pip option"),
        ("./wheel.whl", "is a path or URL"),
        ("/tmp/wheel.whl", "is a path or URL"),
        ("https://example.org/a.whl", "is a path or URL"),
        ("six @ https://example.org/a.whl", "is a path or URL"),
        ("six @ file:/tmp/six", "names a path or URL"),
        ("six==1==2", "is no requirement"),
        ("six 1.0", "is no requirement"),
        ("$(reboot)", "is no requirement"),
        ("six==1.0 --hash=sha256:00", "is no requirement"),
    ],
)
def test_lines_that_are_refused_by_their_number(line: str, said: str) -> None:
    with pytest.raises(EnvironmentSpecError, match=said) as caught:
        parse_requirements(f"numpy\n\n{line}\n")
    assert str(caught.value).startswith("Line 3: ")


def test_the_hash_is_of_what_is_meant() -> None:
    first = parse_requirements("numpy>=1,<2\nsix\n")
    assert first.hash == parse_requirements("# again\nSIX\nNumPy <2, >=1\nsix").hash
    different = ("numpy>=1,<2\n", "numpy>=1,<3\nsix\n")
    assert len({first.hash, *(parse_requirements(text).hash for text in different)}) == 3
    assert first.hash != parse_requirements("numpy>=1,<2\nsix\n", "3.12").hash
    assert len(first.hash) == 24


@pytest.mark.parametrize("version", ["", "3", "2.7", "3.11.4", "3.11; rm"])
def test_versions_of_python_that_are_none(version: str) -> None:
    with pytest.raises(EnvironmentSpecError, match=r"write a version such as 3\.11"):
        parse_requirements("six", version)


def test_a_conda_file() -> None:
    spec = parse_conda(
        "name: x\nchannels: [conda-forge]\ndependencies:\n- python=3.10\n- pip<=23\n- conda-forge::scikit-learn=1.5\n"
        "- numpy=1.26.4=py310_0\n- pandas 2.2\n- pytorch>=2,<3\n- scipy==1.13.0\n- pip:\n  - six==1.16 # old\n"
    )
    assert spec == EnvironmentSpec(
        python_version="3.10",
        requirements=(
            *("numpy==1.26.4.*", "pandas==2.2.*", "scikit-learn==1.5.*", "scipy==1.13.0", "six==1.16", "torch<3,>=2"),
        ),
    )


@pytest.mark.parametrize(
    ("pin", "version"),
    [
        ("", "3.11"),
        ("=3", "3.11"),
        ("=3.9", "3.9"),
        ("=3.12.1", "3.12"),
        ("==3.10.*", "3.10"),
        (" 3.10", "3.10"),
        (">=3.8,<3.13", "3.11"),
        (">=3.12", "3.12"),
        ("<3.11,>=3.9", "3.9"),
    ],
)
def test_condas_python(pin: str, version: str) -> None:
    assert parse_conda(f"dependencies:\n- 'python{pin}'\n").python_version == version


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dependencies: [cudatoolkit=11]", "“cudatoolkit” is listed as a conda package"),
        ("dependencies: ['python=2.7']", "write a version such as python=3.11"),
        ("dependencies: ['numpy[version=1]']", "is no conda dependency"),
        ("dependencies: ['numpy>=1|<3']", "is no requirement"),
        ("dependencies: [{pip: [-r x.txt]}]", "pip: “-r x.txt” is a pip option"),
        ("dependencies: [{pip: six}]", "only pip may have a list of its own"),
        ("dependencies: [{npm: [left-pad]}]", "only pip may have a list of its own"),
        ("dependencies: [six]\nvariables: {A: b}", "“variables” in a conda file is not honoured"),
        ("dependencies: six", "has a list named dependencies"),
        ("- six", "has a list named dependencies"),
        ("a: b: c", "no YAML"),
        ("", "has a list named dependencies"),
    ],
)
def test_conda_files_that_cannot_be_honoured(text: str, said: str) -> None:
    with pytest.raises(EnvironmentSpecError, match=said):
        parse_conda(text)


def mlflow(*flavors: str, requirements: tuple[str, ...], version: str = "3.1.0") -> EnvironmentSpec:
    model = MLflowModel(flavors=flavors, requirements=requirements, mlflow_version=version, python_version="3.10.4")
    return for_mlflow(model)


def test_mlflow_becomes_the_skinny_one() -> None:
    spec = mlflow("sklearn", requirements=("mlflow[extras]==3.1.0", "scikit-learn==1.5.0  # x", "pandas<3"))
    assert spec.python_version == "3.10"
    assert spec.requirements == ("mlflow-skinny==3.1.0", "pandas<3", "scikit-learn==1.5.0")


@pytest.mark.parametrize("flavor", ["langchain", "spark", "openai"])
def test_but_not_for_flavors_that_need_all_of_it(flavor: str) -> None:
    assert mlflow(flavor, requirements=("mlflow==3.1.0",)).requirements == ("mlflow==3.1.0", "pandas")


def test_mlflow_that_nobody_asked_for_is_added() -> None:
    assert mlflow("sklearn", requirements=()).requirements == ("mlflow-skinny==3.1.0", "pandas")
    assert mlflow("sklearn", requirements=(), version="").requirements == ("mlflow-skinny", "pandas")
    assert mlflow("sklearn", requirements=("mlflow-skinny==2.1",)).requirements == ("mlflow-skinny==2.1", "pandas")


def test_a_model_that_asks_for_a_path() -> None:
    with pytest.raises(EnvironmentSpecError, match=r"The model's requirements.txt: “\./code” is a path or URL"):
        mlflow("sklearn", requirements=("./code",))


def test_the_servers_needs_yield_to_the_users() -> None:
    spec = with_runtime(parse_requirements("Uvicorn==0.30\nsix"), ["uvicorn>=0.34", "httptools>=0.6"])
    assert spec.requirements == ("httptools>=0.6", "six", "uvicorn==0.30")
