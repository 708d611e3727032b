"""Code that calls an endpoint. No secret is ever in it: keys and personal tokens are read from the environment."""

import json
from typing import Any

from django.conf import settings

from endpoints.enums import AuthMode
from endpoints.models import Endpoint

PIN = "azureml-model-deployment"
KEY = "STUDIO_KEY"  # environment: one of the endpoint's keys
PERSONAL = "STUDIO_TOKEN"  # environment: a personal token of the REST API
TOKEN = "ENDPOINT_TOKEN"  # shell: the short-lived one that the gateway takes  # noqa: S105


def snippets(*, url: str, body: Any, deployment: str = "", token_url: str = "") -> list[dict[str, str]]:
    """curl, Python, JavaScript and C#, with the sample as the body. `token_url`: where a token is got; else a key."""
    text = json.dumps(body)
    return [
        {"label": "curl", "language": "shell", "code": _curl(url, text, deployment, token_url)},
        {"label": "Python", "language": "python", "code": _python(url, text, deployment, token_url)},
        {"label": "JavaScript", "language": "javascript", "code": _javascript(url, text, deployment, token_url)},
        {"label": "C#", "language": "csharp", "code": _csharp(url, text, deployment, token_url)},
    ]


def token_url(endpoint: Endpoint) -> str:
    """Of the REST API; empty for an endpoint that takes keys."""
    base = f"{settings.STUDIO_PUBLIC_URL}/api/v1"
    if endpoint.auth_mode == AuthMode.AML_TOKEN:
        return f"{base}/endpoints/{endpoint.name}/token/"
    return f"{base}/me/access-token/" if endpoint.auth_mode == AuthMode.AAD_TOKEN else ""


def _curl(url: str, text: str, deployment: str, token_url: str) -> str:
    quoted = text.replace("'", "'\\''")
    pin = f"  -H '{PIN}: {deployment}' \\\n" if deployment else ""
    fetch = (
        f'{TOKEN}=$(curl -sS -X POST {token_url} -H "Authorization: Bearer ${PERSONAL}" \\\n'
        "  | python3 -c 'import json, sys; print(json.load(sys.stdin)[\"accessToken\"])')\n\n"
    )
    return (
        (fetch if token_url else "") + f"curl {url} \\\n"
        f'  -H "Authorization: Bearer ${TOKEN if token_url else KEY}" \\\n'
        "  -H 'Content-Type: application/json' \\\n"
        f"{pin}  -d '{quoted}'"
    )


def _python(url: str, text: str, deployment: str, token_url: str) -> str:
    pin = f'        "{PIN}": "{deployment}",\n' if deployment else ""
    fetch = (
        "ask = urllib.request.Request(\n"
        f'    "{token_url}",\n'
        '    method="POST",\n'
        f'    headers={{"Authorization": f"Bearer {{os.environ[\'{PERSONAL}\']}}"}},\n'
        ")\n"
        "with urllib.request.urlopen(ask, timeout=30) as answer:\n"
        '    token = json.load(answer)["accessToken"]  # until expiryTimeUtc\n\n'
    )
    return (
        "import json\nimport os\nimport urllib.request\n\n"
        + (fetch if token_url else f'token = os.environ["{KEY}"]\n')
        + f"body = json.loads({text!r})\n"
        "request = urllib.request.Request(\n"
        f'    "{url}",\n'
        "    data=json.dumps(body).encode(),\n"
        "    headers={\n"
        '        "Authorization": f"Bearer {token}",\n'
        '        "Content-Type": "application/json",\n'
        f"{pin}    }},\n)\n"
        "with urllib.request.urlopen(request, timeout=30) as response:\n"
        "    print(json.load(response))"
    )


def _javascript(url: str, text: str, deployment: str, token_url: str) -> str:
    pin = f'    "{PIN}": "{deployment}",\n' if deployment else ""
    fetch = (
        f'const answer = await fetch("{token_url}", {{\n'
        '  method: "POST",\n'
        f"  headers: {{ Authorization: `Bearer ${{process.env.{PERSONAL}}}` }},\n"
        "});\n"
        "const token = (await answer.json()).accessToken; // until expiryTimeUtc\n\n"
    )
    return (
        (fetch if token_url else f"const token = process.env.{KEY};\n") + f'const response = await fetch("{url}", {{\n'
        '  method: "POST",\n'
        "  headers: {\n"
        "    Authorization: `Bearer ${token}`,\n"
        '    "Content-Type": "application/json",\n'
        f"{pin}  }},\n"
        f"  body: JSON.stringify({text}),\n"
        "});\n"
        "console.log(response.status, await response.json());"
    )


def _csharp(url: str, text: str, deployment: str, token_url: str) -> str:
    pin = f'request.Headers.Add("{PIN}", "{deployment}");\n' if deployment else ""
    fetch = (
        f'using var ask = new HttpRequestMessage(HttpMethod.Post, "{token_url}");\n'
        f'ask.Headers.Authorization = new("Bearer", Environment.GetEnvironmentVariable("{PERSONAL}"));\n'
        "using var answer = await client.SendAsync(ask);\n"
        "using var parsed = JsonDocument.Parse(await answer.Content.ReadAsStringAsync());\n"
        'var token = parsed.RootElement.GetProperty("accessToken").GetString(); // until expiryTimeUtc\n\n'
    )
    return (
        "using System.Text;\n"
        + ("using System.Text.Json;\n" if token_url else "")
        + "\nusing var client = new HttpClient();\n"
        + (fetch if token_url else f'var token = Environment.GetEnvironmentVariable("{KEY}");\n')
        + f'using var request = new HttpRequestMessage(HttpMethod.Post, "{url}");\n'
        'request.Headers.Authorization = new("Bearer", token);\n'
        f"{pin}"
        f'request.Content = new StringContent({json.dumps(text)}, Encoding.UTF8, "application/json");\n'
        "using var response = await client.SendAsync(request);\n"
        "Console.WriteLine(await response.Content.ReadAsStringAsync());"
    )
