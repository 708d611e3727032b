"""Every use case that writes makes an event, or stands here with the reason why it needs none."""

import ast
from collections.abc import Iterator
from pathlib import Path

import endpoints.services
import studio

SERVICES = Path(endpoints.services.__file__).parent
FACES = Path(studio.__file__).parent
WRITES = {"save", "create", "bulk_create", "bulk_update", "update", "delete", "get_or_create", "update_or_create"}
WITHOUT = {
    # Parts of a use case that records: each is called inside of it.
    "builds.ensure_build": "an environment that is built is the deployment's, whose change is on record",
    "credentials.create_credentials": "made with the endpoint",
    "generations.keep_generation": "made with the deployment's change",
    "generations.keep_what_serves": "made with the deployment's change",
    "generations.conclude_generation": "the outcome is on record with its operation",
    "operations.start_operation": "started by the deployment's change",
    "routes.next_revision": "a counter of every change of routes",
    "sleeping.settle": "those who woke it are served: the waking is on record",
    "alerts.close_open": "the rule's change is on record",
    "capacity.check_capacity": "takes the lock for who starts something, which is on record",
    "capacity.check_endpoint_room": "takes the lock for who creates something, which is on record",
    "capacity.lock_capacity": "the row that is locked",
    "people.forget_everybody": "the provider's change is on record",
    "people.forget_groups": "the provider's change is on record",
    "people.forget_subjects": "the provider's change is on record",
    # What was said: of things that are on record, and shown beside its channel.
    "budget_notices.announce_crossings": "the threshold that was reached is on record",
    "notifications.announce": "what it tells of is on record",
    "notifications.announce_to": "what it tells of is on record",
    "notifications.forget_old": "deliveries of long ago",
    "notifications.send_due": "deliveries stand beside their channel",
    # What was seen, not what was done.
    "identity.ensure_studio_provider": "the studio's own provider, made with the tables",
    "tokens.user_of": "when a token was last used",
    "staleness.check_settings_version": "reads",
    "access_tokens.personal_claims": "may make the studio's own provider",
    # A person's own papers, which nobody else sees.
    "invoke.invoke": "a test call's history; the call is the endpoint's, as any caller's",
    "invoke.keep": "a test call's history",
    # The history's own.
    "events.record": "this is the record",
    "audit.start_check": "the clock's; IT's own start is on record",
    "audit.check_further": "how far a check has come",
    "audit.verify": "how far a check has come",
}
FACES_WITHOUT = {
    "management/commands/bootstrap.py": "instance types and the administrator of the first start",
    "pages/testing.py": "a person's own test calls",
    "pages/wizard.py": "drafts: what comes of one is on record",
    "event_export.py": "reads",
    "sign_in_history.py": "records what allauth does",
    "sso/adapter.py": "what the provider says of a person; the sign-in is on record",
    "pages/security.py": "an account that is unlinked is on record by sign_in_history",
}
Graph = dict[str, tuple[bool, set[str]]]


def functions() -> Iterator[tuple[str, ast.FunctionDef, dict[str, str]]]:
    """(module.function, its code, what the module's imported names are called elsewhere)."""
    for path in sorted(SERVICES.glob("*.py")):
        tree = ast.parse(path.read_text())
        known: dict[str, str] = {}
        for node in tree.body:
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("endpoints.services"):
                module = (node.module or "").removeprefix("endpoints.services").lstrip(".")
                for name in node.names:
                    known[name.asname or name.name] = f"{module}.{name.name}" if module else name.name
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                yield f"{path.stem}.{node.name}", node, known


def graph() -> Graph:
    """Of each function: whether it writes itself, and which other services' functions it calls."""
    found: Graph = {}
    for name, code, known in functions():
        module = name.partition(".")[0]
        calls = [node.func for node in ast.walk(code) if isinstance(node, ast.Call)]
        writes = any(isinstance(call, ast.Attribute) and call.attr in WRITES and _of_rows(call) for call in calls)
        called = set()
        for call in calls:
            if isinstance(call, ast.Name):
                called.add(known.get(call.id, f"{module}.{call.id}"))
            elif isinstance(call, ast.Attribute) and isinstance(call.value, ast.Name) and call.value.id in known:
                called.add(f"{known[call.value.id]}.{call.attr}")
        found[name] = (writes, called)
    return found


def _of_rows(call: ast.Attribute) -> bool:
    """A dictionary's own update, and a phase's, is no write."""
    return call.attr != "update" or ast.unparse(call.value) not in ("phase", "fields", "problems", "claims")


def reached(start: str, known: Graph) -> set[str]:
    seen, left = set(), [start]
    while left:
        name = left.pop()
        if name not in seen and name in known:
            seen.add(name)
            left += known[name][1]
    return seen


def unrecorded() -> set[str]:
    known = graph()
    public = [name for name in known if not name.partition(".")[2].startswith("_")]
    found = set()
    for name in public:
        below = reached(name, known)
        if any(known[each][0] for each in below) and "events.record" not in below:
            found.add(name)
    return found


def test_every_service_that_writes_makes_an_event() -> None:
    assert unrecorded() - set(WITHOUT) == set()


def test_the_list_of_exceptions_names_what_is_there() -> None:
    assert set(WITHOUT) - set(graph()) == set()
    assert all(len(reason) > 4 for reason in WITHOUT.values())


def test_faces_write_through_services_alone() -> None:
    found = set()
    for path in FACES.rglob("*.py"):
        calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        for call in calls:
            if not isinstance(call, ast.Attribute) or call.attr not in WRITES:
                continue
            if ".objects" in ast.unparse(call.value) or call.attr in ("save", "delete"):
                found.add(path.relative_to(FACES).as_posix())
    assert found - set(FACES_WITHOUT) == set()
