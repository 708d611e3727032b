"""A studio in one process: fakes behind the ports, and tasks that run when a test says so."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from endpoints import tasks
from endpoints.artifacts.store import LocalArtifactStore
from endpoints.domain.actor import SYSTEM
from endpoints.enums import ModelType, OperationState
from endpoints.gateway.fake import FakeGateway
from endpoints.models import (
    CodeVersion,
    Deployment,
    Endpoint,
    EnvironmentBuild,
    EnvironmentVersion,
    GatewayState,
    InstanceType,
    ModelVersion,
    Operation,
    Replica,
    Workspace,
)
from endpoints.services import assets, deployments, endpoints, traffic
from endpoints.services.deployments import Specification
from tests.factories import InstanceTypeFactory
from tests.fakes import FakeBuilder, FakeCompute
from tests.hints import Hints
from tests.people import People

ROUNDS = 60
SCORE = "def init():\n    pass\n\n\ndef run(data):\n    return data\n"


@dataclass
class World:
    compute: FakeCompute
    gateway: FakeGateway
    store: LocalArtifactStore
    builder: FakeBuilder
    hints: Hints
    scratch: Path
    workspace: Workspace
    people: People
    _made: int = field(default=0)

    # What happens

    def advance(self) -> None:
        """One turn of the world outside: what starts is ready, what builds is built, what drains is gone."""
        self.compute.advance()
        self.builder.advance()

    def run_hints(self) -> int:
        """Every hint that was sent, once; the follow-ups wait for the next call."""
        taken = self.hints.take()
        for hint in taken:
            getattr(tasks, hint.task)(**hint.kwargs)
        return len(taken)

    def step(self) -> None:
        """One round: tasks that were hinted, one sweep, one turn of the world."""
        self.run_hints()
        tasks.sweep()
        self.advance()

    def settle(self, *, hints: bool = True) -> None:
        """Until nothing changes any more. `hints=False` loses every hint: only the sweep works."""
        for _ in range(ROUNDS):
            before = self._state()
            self.run_hints() if hints else self._sweep_alone()
            tasks.sweep()
            self.advance()
            if before == self._state():
                return
        raise AssertionError(f"It does not settle: {self._state()}")

    def _sweep_alone(self) -> None:
        """Hints of people are lost; those of the sweep itself are how it hands work to the workers."""
        self.hints.take()
        tasks.sweep()
        self.run_hints()
        self.hints.take()

    def _state(self) -> object:
        tables: dict[Any, tuple[str, ...]] = {
            Endpoint: ("pk", "state", "traffic", "live_traffic", "route_revision", "deleted_at"),
            Deployment: ("pk", "state", "generation", "serving_generation", "deleted_at"),
            Replica: ("pk", "state", "routed", "route_revision", "stopping_at"),
            Operation: ("pk", "state", "phases"),
            EnvironmentBuild: ("pk", "state"),
            GatewayState: ("desired_revision", "confirmed_revision", "version"),
        }
        rows = [list(table.objects.order_by("pk").values_list(*names)) for table, names in tables.items()]
        return rows, dict(self.compute.seen), dict(self.builder.seen)

    def turn(self) -> int:
        """A number that was not given out before."""
        self._made += 1
        return self._made

    # What stands

    def folder(self, files: Mapping[str, str]) -> Path:
        """A new folder with these files."""
        folder = self.scratch / f"folder-{self.turn()}"
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        return folder

    def model(self, name: str = "classifier") -> ModelVersion:
        files = self.folder({"weights.txt": f"weights of {name} {self._made}"})
        return assets.register_model(
            actor=SYSTEM, workspace=self.workspace, name=name, type=ModelType.CUSTOM, folder=files
        )

    def code(self, name: str = "scoring", text: str = SCORE) -> CodeVersion:
        return assets.register_code(
            actor=SYSTEM, workspace=self.workspace, name=name, folder=self.folder({"score.py": text})
        )

    def environment(self, name: str = "python", text: str = "numpy==2.3.4\n") -> EnvironmentVersion:
        return assets.register_environment(actor=SYSTEM, workspace=self.workspace, name=name, text=text)

    def instance_type(self) -> InstanceType:
        found = InstanceType.objects.first()
        return found or InstanceTypeFactory()

    def specification(self, **changes: Any) -> Specification:
        """A scoring script that can run."""
        given: dict[str, Callable[[], Any]] = {
            "model": self.model,
            "code": self.code,
            "scoring_script": lambda: "score.py",
            "environment": self.environment,
            "instance_type": self.instance_type,
        }
        fields = {name: make() for name, make in given.items() if name not in changes}
        return Specification(**fields, **changes)

    def endpoint(self, name: str = "prices", *, settled: bool = True) -> Endpoint:
        endpoint = endpoints.create_endpoint(actor=SYSTEM, workspace=self.workspace, name=name)
        if settled:
            self.settle()
        endpoint.refresh_from_db()
        return endpoint

    def deployment(self, endpoint: Endpoint, name: str = "blue", *, settled: bool = True, **changes: Any) -> Deployment:
        deployment, _ = deployments.create_deployment(
            actor=SYSTEM, endpoint=endpoint, name=name, specification=self.specification(**changes)
        )
        if settled:
            self.settle()
        deployment.refresh_from_db()
        return deployment

    def traffic(self, endpoint: Endpoint, shares: Mapping[str, int]) -> None:
        """Set and in force."""
        traffic.set_traffic(actor=SYSTEM, endpoint=endpoint, traffic=shares)
        self.settle()

    def running(self, endpoint: Endpoint) -> list[Operation]:
        return list(endpoint.operations.filter(state=OperationState.RUNNING))
