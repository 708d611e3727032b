"""What is checked before anything starts: a part of the wizard's last step that asks again while something runs."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import path

from endpoints.domain.errors import Invalid
from endpoints.domain.preflight import Check, Outcome
from endpoints.models import Draft
from endpoints.services.preflight import preflight
from studio.pages.brought_forms import at_their_fields
from studio.pages.page import page, show
from studio.pages.wizard import draft_of
from studio.pages.wizard_assets import specification
from studio.pages.wizard_forms import CodeStepForm

# Where a field of the specification is mended: the step of the wizard.
STEP_OF = {"model": "model"} | dict.fromkeys(CodeStepForm.base_fields, "code")


@page
def wizard_preflight(request: HttpRequest, draft_id: UUID) -> HttpResponse:
    draft = draft_of(request, draft_id)
    checks = _checks(draft)
    context = {
        "draft": draft,
        "checks": [_placed(check) for check in checks],
        "running": any(check.outcome == Outcome.RUNNING for check in checks),
        "failed": sum(check.outcome == Outcome.ERROR for check in checks),
    }
    return show(request, "wizard/_preflight.html", context)


def _placed(check: Check) -> dict[str, Any]:
    """With the step and the field of it where it is mended."""
    if not check.field:
        return {"check": check}
    (field,) = at_their_fields(Invalid({check.field: check.message})).fields
    return {"check": check, "step": STEP_OF.get(field, "compute"), "field": field}


def _checks(draft: Draft) -> list[Check]:
    try:
        return preflight(specification(draft), workspace=draft.workspace, endpoint=draft.endpoint)
    except (Invalid, KeyError) as error:
        message = str(error) if isinstance(error, Invalid) else "A step is not filled in yet."
        return [Check(name="specification", outcome=Outcome.ERROR, message=message)]


urlpatterns = [path("wizard/<uuid:draft_id>/preflight/", wizard_preflight, name="wizard_preflight")]
