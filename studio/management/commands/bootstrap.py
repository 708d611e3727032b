"""First start: an administrator, a workspace and the instance types of this machine. A second one changes nothing."""

import os
import secrets
from decimal import Decimal
from typing import Any

import psutil
from django.core.management.base import BaseCommand
from django.db import transaction

from endpoints.domain.actor import SYSTEM
from endpoints.domain.meters import DECIMALS
from endpoints.enums import Role
from endpoints.models import InstanceType, User, Workspace
from endpoints.services import workspaces
from endpoints.services.prices import create_instance_type
from endpoints.services.routes import next_revision
from studio.env import env

WORKSPACE = "demo"
DEFAULT_EMAIL = "admin@studio.local"
PRICE_PER_VCPU_HOUR = Decimal("0.05")
PRICE_PER_GIB_HOUR = Decimal("0.006")


class Command(BaseCommand):
    help = "Make the administrator, the first workspace and the instance types, where they are missing."

    def handle(self, *args: Any, **options: Any) -> None:
        self._instance_types()
        with transaction.atomic():
            next_revision()  # what this version renders may differ from what the last one published
        workspace = Workspace.objects.order_by("id").first() or workspaces.create_workspace(
            actor=SYSTEM, name=WORKSPACE, display_name="Demo"
        )
        if not User.objects.filter(is_superuser=True).exists():
            self._administrator(workspace)

    def _administrator(self, workspace: Workspace) -> None:
        email = env.admin_email or DEFAULT_EMAIL
        password = env.admin_password or secrets.token_urlsafe(12)
        User.objects.create_superuser(email, password, display_name="Administrator")
        workspaces.set_role(actor=SYSTEM, workspace=workspace, email=email, role=Role.OWNER)
        self.stdout.write(f"Sign in as {email}")
        if not env.admin_password:
            self.stdout.write(f"Password   {password}   (shown this once)")

    def _instance_types(self) -> None:
        """Sizes that fit this machine, priced by what they take of it. IT has a page for them."""
        if InstanceType.objects.exists():
            return
        cores = os.cpu_count() or 1
        memory_mib = psutil.virtual_memory().total // 1024**2
        sizes = [("local-small", Decimal("0.5"), 1024), ("local-medium", Decimal(1), 2048)]
        sizes += [(f"local-{n}x", Decimal(n), 4096 * n) for n in (2, 4, 8) if n <= cores]
        for name, vcpu, mib in sizes:
            if mib <= memory_mib:
                price = vcpu * PRICE_PER_VCPU_HOUR + Decimal(mib) / 1024 * PRICE_PER_GIB_HOUR
                create_instance_type(
                    actor=SYSTEM,
                    name=name,
                    description=f"{vcpu.normalize():f} vCPU and {mib // 1024} GiB of this machine",
                    vcpu=vcpu,
                    memory_mib=mib,
                    price_per_hour=round(price, DECIMALS),
                )
