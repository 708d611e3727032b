"""Code that calls an endpoint. The key is never in it: it is read from $STUDIO_KEY."""

import json
from typing import Any

PIN = "azureml-model-deployment"


def snippets(*, url: str, body: Any, deployment: str = "") -> list[dict[str, str]]:
    """curl, Python and JavaScript, with the sample as the body."""
    text = json.dumps(body)
    return [
        {"label": "curl", "language": "shell", "code": _curl(url, text, deployment)},
        {"label": "Python", "language": "python", "code": _python(url, text, deployment)},
        {"label": "JavaScript", "language": "javascript", "code": _javascript(url, text, deployment)},
    ]


def _curl(url: str, text: str, deployment: str) -> str:
    quoted = text.replace("'", "'\\''")
    pin = f"  -H '{PIN}: {deployment}' \\\n" if deployment else ""
    return (
        f"curl {url} \\\n"
        '  -H "Authorization: Bearer $STUDIO_KEY" \\\n'
        "  -H 'Content-Type: application/json' \\\n"
        f"{pin}  -d '{quoted}'"
    )


def _python(url: str, text: str, deployment: str) -> str:
    pin = f'        "{PIN}": "{deployment}",\n' if deployment else ""
    return (
        "import json\nimport os\nimport urllib.request\n\n"
        f"body = json.loads({text!r})\n"
        "request = urllib.request.Request(\n"
        f'    "{url}",\n'
        "    data=json.dumps(body).encode(),\n"
        "    headers={\n"
        '        "Authorization": f"Bearer {os.environ[\'STUDIO_KEY\']}",\n'
        '        "Content-Type": "application/json",\n'
        f"{pin}    }},\n)\n"
        "with urllib.request.urlopen(request, timeout=30) as response:\n"
        "    print(json.load(response))"
    )


def _javascript(url: str, text: str, deployment: str) -> str:
    pin = f'    "{PIN}": "{deployment}",\n' if deployment else ""
    return (
        f'const response = await fetch("{url}", {{\n'
        '  method: "POST",\n'
        "  headers: {\n"
        "    Authorization: `Bearer ${process.env.STUDIO_KEY}`,\n"
        '    "Content-Type": "application/json",\n'
        f"{pin}  }},\n"
        f"  body: JSON.stringify({text}),\n"
        "});\n"
        "console.log(response.status, await response.json());"
    )
