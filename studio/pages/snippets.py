"""Code that calls an endpoint. No secret is ever in it: keys and personal tokens are read from the environment."""

import json
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from endpoints.domain.requests import WITHOUT_BODY
from endpoints.enums import AuthMode
from endpoints.models import Endpoint

PIN = "azureml-model-deployment"
KEY = "STUDIO_KEY"  # environment: one of the endpoint's keys
PERSONAL = "STUDIO_TOKEN"  # environment: a personal token of the REST API
TOKEN = "ENDPOINT_TOKEN"  # shell: the short-lived one that the gateway takes  # noqa: S105


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What the code sends. `body` is JSON where `is_json`, else text as it is; `file` is the name of a file instead.
    `token_url`: where a token is got; else a key."""

    url: str
    body: str
    is_json: bool = True
    method: str = "POST"
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)
    file: str = ""
    token_url: str = ""

    @property
    def bodiless(self) -> bool:
        return self.method in WITHOUT_BODY


def snippets(*, url: str, body: Any, deployment: str = "", token_url: str = "") -> list[dict[str, str]]:
    """curl, Python, JavaScript and C#, with the sample as the body."""
    pin = ((PIN, deployment),) if deployment else ()
    headers = (("Content-Type", "application/json"), *pin)
    return snippets_of(Call(url=url, body=json.dumps(body), headers=headers, token_url=token_url))


def snippets_of(call: Call) -> list[dict[str, str]]:
    return [
        {"label": "curl", "language": "shell", "code": _curl(call)},
        {"label": "Python", "language": "python", "code": _python(call)},
        {"label": "JavaScript", "language": "javascript", "code": _javascript(call)},
        {"label": "C#", "language": "csharp", "code": _csharp(call)},
    ]


def token_url(endpoint: Endpoint) -> str:
    """Of the REST API; empty for an endpoint that takes keys."""
    base = f"{settings.STUDIO_PUBLIC_URL}/api/v1"
    if endpoint.auth_mode == AuthMode.AML_TOKEN:
        return f"{base}/endpoints/{endpoint.name}/token/"
    return f"{base}/me/access-token/" if endpoint.auth_mode == AuthMode.AAD_TOKEN else ""


def _curl(call: Call) -> str:
    fetch = (
        f'{TOKEN}=$(curl -sS -X POST {call.token_url} -H "Authorization: Bearer ${PERSONAL}" \\\n'
        "  | python3 -c 'import json, sys; print(json.load(sys.stdin)[\"accessToken\"])')\n\n"
    )
    method = "" if call.method == "POST" else "--head " if call.method == "HEAD" else f"-X {call.method} "
    parts = [
        f"curl {method}{_shell_word(call.url)}",
        f'-H "Authorization: Bearer ${TOKEN if call.token_url else KEY}"',
        *(f"-H {_quoted(f'{name}: {value}')}" for name, value in call.headers),
    ]
    if call.file:
        parts.append(f"--data-binary {_quoted('@' + call.file)}")
    elif not call.bodiless:
        option = "-d" if call.is_json else "--data-binary"
        parts.append(f"{option} {_quoted(call.body)}")
    return (fetch if call.token_url else "") + " \\\n  ".join(parts)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _shell_word(url: str) -> str:
    return _quoted(url) if any(sign in url for sign in "?&;'\"*()<>|$`!~ ") else url


def _python(call: Call) -> str:
    headers = "".join(f"        {json.dumps(name)}: {json.dumps(value)},\n" for name, value in call.headers)
    fetch = (
        "ask = urllib.request.Request(\n"
        f'    "{call.token_url}",\n'
        '    method="POST",\n'
        f'    headers={{"Authorization": f"Bearer {{os.environ[\'{PERSONAL}\']}}"}},\n'
        ")\n"
        "with urllib.request.urlopen(ask, timeout=30) as answer:\n"
        '    token = json.load(answer)["accessToken"]  # until expiryTimeUtc\n\n'
    )
    made, data = _python_body(call)
    method = "" if call.method == "POST" else f'    method="{call.method}",\n'
    return (
        "import json\nimport os\nimport urllib.request\n\n"
        + (fetch if call.token_url else f'token = os.environ["{KEY}"]\n')
        + made
        + "request = urllib.request.Request(\n"
        f"    {json.dumps(call.url)},\n{data}{method}"
        "    headers={\n"
        '        "Authorization": f"Bearer {token}",\n'
        f"{headers}    }},\n)\n"
        "with urllib.request.urlopen(request, timeout=30) as response:\n"
        "    print(json.load(response))"
    )


def _python_body(call: Call) -> tuple[str, str]:
    """How it is made, and the argument that takes it."""
    if call.bodiless:
        return "", ""
    if call.file:
        return f'with open({call.file!r}, "rb") as file:\n    body = file.read()\n', "    data=body,\n"
    if call.is_json:
        return f"body = json.loads({call.body!r})\n", "    data=json.dumps(body).encode(),\n"
    return f"body = {call.body!r}\n", "    data=body.encode(),\n"


def _javascript(call: Call) -> str:
    headers = "".join(f"    {json.dumps(name)}: {json.dumps(value)},\n" for name, value in call.headers)
    fetch = (
        f'const answer = await fetch("{call.token_url}", {{\n'
        '  method: "POST",\n'
        f"  headers: {{ Authorization: `Bearer ${{process.env.{PERSONAL}}}` }},\n"
        "});\n"
        "const token = (await answer.json()).accessToken; // until expiryTimeUtc\n\n"
    )
    body = f"await readFile({json.dumps(call.file)})" if call.file else json.dumps(call.body)
    if call.is_json and not call.file:
        body = f"JSON.stringify({call.body})"
    return (
        ('import { readFile } from "node:fs/promises";\n\n' if call.file else "")
        + (fetch if call.token_url else f"const token = process.env.{KEY};\n")
        + f"const response = await fetch({json.dumps(call.url)}, {{\n"
        f'  method: "{call.method}",\n'
        "  headers: {\n"
        "    Authorization: `Bearer ${token}`,\n"
        f"{headers}  }},\n" + ("" if call.bodiless else f"  body: {body},\n") + "});\n"
        "console.log(response.status, await response.json());"
    )


def _csharp(call: Call) -> str:
    fetch = (
        f'using var ask = new HttpRequestMessage(HttpMethod.Post, "{call.token_url}");\n'
        f'ask.Headers.Authorization = new("Bearer", Environment.GetEnvironmentVariable("{PERSONAL}"));\n'
        "using var answer = await client.SendAsync(ask);\n"
        "using var parsed = JsonDocument.Parse(await answer.Content.ReadAsStringAsync());\n"
        'var token = parsed.RootElement.GetProperty("accessToken").GetString(); // until expiryTimeUtc\n\n'
    )
    own = [(name, value) for name, value in call.headers if name.lower() != "content-type"]
    headers = "".join(f"request.Headers.Add({json.dumps(name)}, {json.dumps(value)});\n" for name, value in own)
    method = f"HttpMethod.{call.method.capitalize()}"
    return (
        "using System.Text;\n"
        + ("using System.Text.Json;\n" if call.token_url else "")
        + "\nusing var client = new HttpClient();\n"
        + (fetch if call.token_url else f'var token = Environment.GetEnvironmentVariable("{KEY}");\n')
        + f"using var request = new HttpRequestMessage({method}, {json.dumps(call.url)});\n"
        'request.Headers.Authorization = new("Bearer", token);\n'
        + headers
        + _csharp_content(call)
        + "using var response = await client.SendAsync(request);\n"
        "Console.WriteLine(await response.Content.ReadAsStringAsync());"
    )


def _csharp_content(call: Call) -> str:
    if call.bodiless:
        return ""
    kind = next((value for name, value in call.headers if name.lower() == "content-type"), "application/json")
    if call.file:
        return (
            f"request.Content = new ByteArrayContent(File.ReadAllBytes({json.dumps(call.file)}));\n"
            f"request.Content.Headers.ContentType = new({json.dumps(kind)});\n"
        )
    return f"request.Content = new StringContent({json.dumps(call.body)}, Encoding.UTF8, {json.dumps(kind)});\n"
