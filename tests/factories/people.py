"""People, and what they may."""

import hashlib
from typing import Any

import factory
from factory.django import DjangoModelFactory

from endpoints import models
from endpoints.enums import (
    Role,
)

PASSWORD = "correct horse battery"


class UserFactory(DjangoModelFactory):
    """`UserFactory(staff=True)` is one of the site's IT. The password is PASSWORD."""

    class Meta:
        model = models.User
        skip_postgeneration_save = True

    class Params:
        staff = factory.Trait(is_staff=True, is_superuser=True)

    email = factory.Sequence(lambda n: f"person{n}@example.com")

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> Any:
        return model_class.objects.create_user(password=kwargs.pop("password", PASSWORD), **kwargs)


class WorkspaceFactory(DjangoModelFactory):
    class Meta:
        model = models.Workspace

    name = factory.Sequence(lambda n: f"workspace-{n}")


class RoleAssignmentFactory(DjangoModelFactory):
    class Meta:
        model = models.RoleAssignment

    user = factory.SubFactory(UserFactory)
    workspace = factory.SubFactory(WorkspaceFactory)
    role = Role.CONTRIBUTOR


def member(workspace: models.Workspace, role: Role, **fields: Any) -> models.User:
    """A new person with this role in the workspace."""
    user: models.User = UserFactory(**fields)
    RoleAssignmentFactory(user=user, workspace=workspace, role=role)
    return user


class PersonalTokenFactory(DjangoModelFactory):
    """`PersonalTokenFactory(secret="est_abc")` is what `Bearer est_abc` finds."""

    class Meta:
        model = models.PersonalToken

    class Params:
        secret = factory.Sequence(lambda n: f"est_secret_{n}")

    user = factory.SubFactory(UserFactory)
    name = "laptop"
    prefix = factory.LazyAttribute(lambda row: row.secret[:10])
    digest = factory.LazyAttribute(lambda row: hashlib.sha256(row.secret.encode()).hexdigest())
