"""The wizard: an endpoint with its first deployment, or one more deployment. The draft is kept on the server."""

from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse

from endpoints.domain.errors import BudgetExceeded, Conflict, Forbidden, Invalid, NotFound
from endpoints.models import Draft, Endpoint, ModelVersion, Workspace
from endpoints.permissions import Action, require
from endpoints.selectors.endpoints import deployment_of, endpoint_for
from endpoints.services.autoscale import set_autoscale
from endpoints.services.deployments import create_deployment
from endpoints.services.endpoints import create_endpoint
from studio.actors import actor_of, signed_in
from studio.pages import wizard_assets
from studio.pages.capacity import compute_capacity
from studio.pages.forms import add_problems, whole_number
from studio.pages.page import page, show, went_to
from studio.pages.wizard_forms import BasicsForm, CodeStepForm, ComputeStepForm, ModelStepForm, stored
from studio.pages.wizard_review import review
from studio.workspaces import current_workspace

STEPS = (("basics", "Basics"), ("model", "Model"), ("code", "Code and environment"), ("compute", "Compute"))


@page
def endpoint_create(request: HttpRequest) -> HttpResponse:
    """A new draft."""
    workspace = current_workspace(request)
    if workspace is None:
        raise NotFound("You are in no workspace yet.")
    require(signed_in(request), Action.WRITE, workspace)
    draft = Draft.objects.create(user=signed_in(request), workspace=workspace, data=_given(request))
    return went_to(request, reverse("wizard", args=[draft.pk, "basics"]))


def _given(request: HttpRequest) -> dict[str, Any]:
    """`?model=PK` starts with that model."""
    model = whole_number(request.GET.get("model", ""))
    return {} if model is None else {"model": {"source": "registered", "model": model}}


@page
def deployment_create(request: HttpRequest, name: str) -> HttpResponse:
    """A new draft for an endpoint that is there; `?like=NAME` starts from one of its deployments."""
    endpoint = endpoint_for(signed_in(request), name)
    require(signed_in(request), Action.WRITE, endpoint)
    like = request.GET.get("like")
    data = wizard_assets.draft_like(deployment_of(endpoint, like)) if like else {}
    data.setdefault("compute", {})["deployment_name"] = wizard_assets.free_name(endpoint)
    draft = Draft.objects.create(user=signed_in(request), workspace=endpoint.workspace, endpoint=endpoint, data=data)
    return went_to(request, reverse("wizard", args=[draft.pk, "model"]))


@page
def wizard(request: HttpRequest, draft_id: UUID, step: str) -> HttpResponse:
    draft = draft_of(request, draft_id)
    names = _step_names(draft)
    if step == "review":
        return _review(request, draft)
    if step not in names:
        raise NotFound("The wizard has no such step.")
    form = _form(request, draft, step)
    if request.method == "POST" and form.is_valid():
        try:
            draft.data[step] = stored(wizard_assets.registered(request, draft, step, form))
        except (Invalid, NotFound) as error:
            add_problems(form, error if isinstance(error, Invalid) else Invalid({"upload": str(error)}))
        else:
            draft.save()
            following = [*names, "review"][names.index(step) + 1]
            return went_to(request, reverse("wizard", args=[draft.pk, following]))
    context = _frame(draft, step) | {"form": form, "step": step, "chosen": _chosen(draft)}
    if isinstance(form, ComputeStepForm):
        context |= {"capacity": compute_capacity(draft, form)}
    return show(request, f"wizard/{step}.html", context, status=422 if form.errors else 200)


@page
def wizard_name(request: HttpRequest, draft_id: UUID) -> HttpResponse:
    """Whether the name that stands in a step's field can be had, while the rest of the step is being filled in."""
    draft = draft_of(request, draft_id)
    if "deployment_name" in request.GET:
        form: forms.Form = ComputeStepForm(request.GET, endpoint=draft.endpoint)
        return _verdict(request, form["deployment_name"], "This name is free.")
    form = BasicsForm(request.GET)
    uri = f"{settings.STUDIO_GATEWAY_URL}/{request.GET.get('name', '')}/score"
    return _verdict(request, form["name"], f"This name is free. Requests will go to {uri}")


def _verdict(request: HttpRequest, field: forms.BoundField, free: str) -> HttpResponse:
    return show(request, "wizard/_name.html", {"problem": " ".join(map(str, field.errors)), "free": free})


@page
def wizard_capacity(request: HttpRequest, draft_id: UUID) -> HttpResponse:
    """What the form as it stands makes of the quotas, and what it costs: a part of the compute step."""
    draft = draft_of(request, draft_id)
    form = ComputeStepForm(request.GET, endpoint=draft.endpoint)
    capacity = compute_capacity(draft, form)
    return show(request, "wizard/_capacity.html", {"draft": draft, "form": form, "capacity": capacity})


def draft_of(request: HttpRequest, draft_id: UUID) -> Draft:
    """Their own. Raises NotFound, Forbidden."""
    draft = Draft.objects.select_related("workspace", "endpoint").filter(pk=draft_id, user=signed_in(request)).first()
    if draft is None:
        raise NotFound("This draft is not there any more: it was finished, or it is somebody else's.")
    require(signed_in(request), Action.WRITE, draft.workspace)
    return draft


def _step_names(draft: Draft) -> list[str]:
    return [name for name, _ in STEPS if not (draft.endpoint_id and name == "basics")]


def _frame(draft: Draft, current: str) -> dict[str, Any]:
    """Steps that are done, or come next, can be gone to."""
    steps, reachable = [], True
    labels = dict(STEPS)
    for name in [*_step_names(draft), "review"]:
        done = _is_done(draft, name)
        state = "current" if name == current else "done" if done else ""
        url = reverse("wizard", args=[draft.pk, name]) if reachable else ""
        steps.append({"label": labels.get(name, "Review"), "url": url, "state": state, "name": name})
        reachable = reachable and done
    position = next(number for number, each in enumerate(steps) if each["name"] == current)
    return {
        "draft": draft,
        "endpoint": draft.endpoint,
        "steps": steps,
        "back_url": steps[position - 1]["url"] if position else "",
        "title": f"Add a deployment to {draft.endpoint}" if draft.endpoint else "Create an endpoint",
    }


def _is_done(draft: Draft, step: str) -> bool:
    """The compute step may begin with a name alone."""
    data = draft.data.get(step)
    return bool(data) and (step != "compute" or "instance_type" in data)


def _form(request: HttpRequest, draft: Draft, step: str) -> forms.Form:
    data, files = (request.POST, request.FILES) if request.method == "POST" else (None, None)
    initial = draft.data.get(step) or None
    if step == "basics":
        return BasicsForm(data, initial=initial)
    if step == "model":
        return ModelStepForm(data, files, initial=initial, workspace=draft.workspace)
    if step == "code":
        return CodeStepForm(data, files, initial=initial, workspace=draft.workspace, model_type=_model_type(draft))
    first = {} if draft.endpoint_id else {"all_traffic": True}
    return ComputeStepForm(data, initial=first | (initial or {}), endpoint=draft.endpoint)


def _chosen(draft: Draft) -> ModelVersion | None:
    key = draft.data.get("model", {}).get("model")
    return ModelVersion.objects.filter(pk=key, workspace=draft.workspace).first() if key else None


def _model_type(draft: Draft) -> str:
    """Empty without a model."""
    chosen = _chosen(draft)
    return chosen.type if chosen else ""


def _review(request: HttpRequest, draft: Draft) -> HttpResponse:
    missing = next((name for name in _step_names(draft) if not _is_done(draft, name)), None)
    if missing:
        return went_to(request, reverse("wizard", args=[draft.pk, missing]), "Fill in this step first.")
    problems: dict[str, str] = {}
    if request.method == "POST":
        try:
            return _create(request, draft)
        except Invalid as error:
            problems = error.fields
        except (BudgetExceeded, Conflict, Forbidden) as error:
            problems = {"": str(error)}
    context = _frame(draft, "review") | {"review": review(draft), "problems": problems}
    return show(request, "wizard/review.html", context, status=422 if problems else 200)


def _create(request: HttpRequest, draft: Draft) -> HttpResponse:
    """All or nothing, and once: a second click finds no draft."""
    actor, compute = actor_of(request), draft.data["compute"]
    with transaction.atomic():
        if not Draft.objects.filter(pk=draft.pk).delete()[0]:
            raise Conflict("This draft was created already.")
        endpoint = draft.endpoint or _endpoint(request, draft.workspace, draft.data["basics"])
        deployment, operation = create_deployment(
            actor=actor,
            endpoint=endpoint,
            name=compute["deployment_name"],
            specification=wizard_assets.specification(draft),
            all_traffic=bool(compute.get("all_traffic")),
        )
        if (autoscale := wizard_assets.autoscale(draft)) is not None:
            set_autoscale(actor=actor, deployment=deployment, document=autoscale)
    return went_to(request, reverse("operation_detail", args=[operation.pk]))


def _endpoint(request: HttpRequest, workspace: Workspace, basics: dict[str, Any]) -> Endpoint:
    return create_endpoint(actor=actor_of(request), workspace=workspace, **basics)


@page
def wizard_discard(request: HttpRequest, draft_id: UUID) -> HttpResponse:
    draft = draft_of(request, draft_id)
    back = reverse("endpoint_detail", args=[draft.endpoint.name]) if draft.endpoint else reverse("endpoint_list")
    if request.method == "POST":
        draft.delete()
    return went_to(request, back)


urlpatterns = [
    path("endpoints/create/", endpoint_create, name="endpoint_create"),
    path("endpoints/<str:name>/deployments/create/", deployment_create, name="deployment_create"),
    path("wizard/<uuid:draft_id>/discard/", wizard_discard, name="wizard_discard"),
    path("wizard/<uuid:draft_id>/name/", wizard_name, name="wizard_name"),
    path("wizard/<uuid:draft_id>/capacity/", wizard_capacity, name="wizard_capacity"),
    path("wizard/<uuid:draft_id>/<slug:step>/", wizard, name="wizard"),
]
