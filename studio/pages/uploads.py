"""Uploads from forms: kept aside, and named by the form that uses them."""

import json
from typing import IO, cast

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.defaultfilters import filesizeformat
from django.urls import path
from django.views.decorators.http import require_POST

from endpoints.domain.errors import Invalid
from endpoints.enums import ModelType
from endpoints.services.uploads import StagedUpload, stage
from studio.actors import signed_in
from studio.pages.page import page


@page
@require_POST
def upload_stage(request: HttpRequest) -> HttpResponse:
    """Multipart `files`, and `paths` in the same order. JSON {upload, message, type, scripts}, or a problem."""
    try:
        staged = stage_request(request)
    except Invalid as error:
        body = {"title": "The upload was refused", "status": 422, "detail": str(error)}
        return HttpResponse(json.dumps(body), status=422, content_type="application/problem+json")
    return JsonResponse(
        {
            "upload": staged.id,
            "message": message(staged),
            "type": staged.type,
            "scripts": list(staged.scripts),
        }
    )


def stage_request(request: HttpRequest) -> StagedUpload:
    files = request.FILES.getlist("files")
    paths = request.POST.getlist("paths")
    names = paths if len(paths) == len(files) else [file.name or "" for file in files]
    return stage(
        user=signed_in(request),
        files=[(name, cast(IO[bytes], file.file)) for name, file in zip(names, files, strict=True)],
    )


def message(staged: StagedUpload) -> str:
    files = f"{staged.files} file{'' if staged.files == 1 else 's'}"
    what = {ModelType.MLFLOW: "an MLflow model", ModelType.TRITON: "a Triton model repository"}.get(staged.type, files)
    return f"{what}, {filesizeformat(staged.size_bytes)}".replace("\xa0", " ")


urlpatterns = [path("uploads/", upload_stage, name="upload_stage")]
