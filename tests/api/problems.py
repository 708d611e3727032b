"""What every refusal of the API looks like."""

from typing import Any


def problem(response: Any, status: int, code: str = "") -> dict[str, Any]:
    """The body, once it is known to be a whole problem+json of this status."""
    asked = f"{response.request['REQUEST_METHOD']} {response.request['PATH_INFO']}"
    assert response.status_code == status, f"{asked}: {response.content.decode()}"
    assert response["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["status"] == status
    assert body["type"] == f"urn:endpoint-studio:problem:{body['code']}"
    assert body["title"]
    assert body["detail"]
    assert body["instance"] == f"urn:uuid:{body['request_id']}"
    assert body["request_id"] == response["X-Request-Id"]
    if code:
        assert body["code"] == code
    return body


def fields(response: Any) -> dict[str, str]:
    """{field: message} of a 422."""
    return {error["field"]: error["message"] for error in problem(response, 422, "invalid")["errors"]}
