import pytest

from endpoints.domain.errors import Invalid
from endpoints.domain.names import checked_asset_name, checked_name, checked_tags, checked_variables


@pytest.mark.parametrize("name", ["abc", "a-b", "Diabetes2", "a1b", "x" * 32, "a-b-c-d"])
def test_names_that_azure_takes(name: str) -> None:
    assert checked_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "ab", "x" * 33, "1abc", "-abc", "abc-", "a--b", "a_b", "a b", "äbc", "abc\n", "a/b", "..", "a.b"]
)
def test_names_that_it_does_not(name: str) -> None:
    with pytest.raises(Invalid) as caught:
        checked_name(name, field="endpoint")
    assert "3 to 32 letters, digits and single dashes" in caught.value.fields["endpoint"]


@pytest.mark.parametrize("name", ["create", "API", "Static"])
def test_reserved(name: str) -> None:
    with pytest.raises(Invalid, match="reserved"):
        checked_name(name)


@pytest.mark.parametrize("name", ["m", "my.model_v2", "a-b", "x" * 100, "2nd"])
def test_asset_names(name: str) -> None:
    assert checked_asset_name(name) == name


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "a b", "x" * 101, "a:1", "a@latest", "ends."])
def test_asset_names_refused(name: str) -> None:
    with pytest.raises(Invalid, match="1 to 100 letters"):
        checked_asset_name(name)


def test_tags() -> None:
    assert checked_tags({"team": "research"}) == {"team": "research"}


@pytest.mark.parametrize(
    "tags", [["a"], {"a": 1}, {1: "a"}, {"": "x"}, {"k" * 101: "x"}, {"k": "v" * 257}, {str(n): "" for n in range(51)}]
)
def test_tags_refused(tags: object) -> None:
    with pytest.raises(Invalid) as caught:
        checked_tags(tags)
    assert list(caught.value.fields) == ["tags"]


def test_variables() -> None:
    assert checked_variables({"_A1": "x=y\n", "B": ""}) == {"_A1": "x=y\n", "B": ""}


@pytest.mark.parametrize("variables", [{"1A": "x"}, {"A-B": "x"}, {"A=B": "x"}, {"": "x"}, {"A": 1}, {"A": "\0"}, []])
def test_variables_refused(variables: object) -> None:
    with pytest.raises(Invalid) as caught:
        checked_variables(variables)
    assert list(caught.value.fields) == ["environment_variables"]
