import pytest

from endpoints.domain.requests import MOST_HEADERS, ScoringRequest, headers_as_text, headers_in, request_faults


def faults(**fields: object) -> dict[str, str]:
    return dict(request_faults(ScoringRequest(**fields)))  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["/score", "/v1/chat/completions", "/v2/models/m/infer?verbose=1&next=http://a/../b"])
def test_paths_under_the_endpoint(path: str) -> None:
    assert faults(path=path) == {}


@pytest.mark.parametrize(
    "path",
    [
        "",
        "score",
        "/../x",
        "//x",
        "/a b",
        "/a\r\nb",
        "/%2e%2e/x",
        "/a/%2f/x",
        "/a%5cb",
        "/a\\b",
        "/a#b",
        "/é",
        "/" + "x" * 200,
    ],
)
def test_no_path_leads_out_of_the_endpoint(path: str) -> None:
    assert list(faults(path=path)) == ["path"]


@pytest.mark.parametrize(
    "name",
    "Authorization HOST Content-Length content-type Transfer-Encoding connection keep-alive te trailer upgrade cookie "
    "proxy-authorization Expect forwarded x-forwarded-for x-envoy-upstream-rq-timeout-ms x-studio-mirror "
    "azureml-model-deployment x-original-url".split(),
)
def test_headers_that_are_not_the_persons(name: str) -> None:
    assert name in faults(headers=((name, "1"),))["headers"]


@pytest.mark.parametrize("header", [("a b", "1"), ("", "1"), ("x-a", "1\r\nx-b: 2"), ("x-a", "\x00"), ("x-a", "é€")])
def test_headers_that_are_none(header: tuple[str, str]) -> None:
    assert list(faults(headers=(header,))) == ["headers"]


def test_headers_are_counted() -> None:
    assert faults(headers=(("x-a", "1"),) * MOST_HEADERS) == {}
    assert "30" in faults(headers=(("x-a", "1"),) * (MOST_HEADERS + 1))["headers"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("method", "TRACE"),
        ("method", "get"),
        ("content_type", "json"),
        ("content_type", "a/b\r\nx: y"),
        ("credential", "a b"),
    ],
)
def test_other_fields(field: str, value: str) -> None:
    assert list(faults(**{field: value})) == [field]


def test_lines_become_headers_and_back() -> None:
    headers = headers_in("X-A: 1:2\n\n  x-b :  two \n")
    assert headers == (("X-A", "1:2"), ("x-b", "two"))
    assert headers_in(headers_as_text(headers)) == headers
    assert list(faults(headers=headers_in("no-colon"))) == ["headers"]


def test_a_credential_is_not_in_its_words() -> None:
    assert "s3cret" not in repr(ScoringRequest(credential="s3cret"))
