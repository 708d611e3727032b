"""Models, scoring code and environments."""

from typing import Any

import yaml
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from endpoints.enums import BuildState, ModelType, ScanStatus
from endpoints.models import EnvironmentVersion, VersionedAsset
from endpoints.selectors.assets import build_of
from endpoints.services.specification import built_hash
from studio.api.paging import PageQuery
from studio.api.parsing import Only, StrictSerializer, check_storable
from studio.api.serializers.fields import maker, pairs

VERSION_TAKEN = "The next version is taken; it cannot be chosen. Leave it out."


class AssetQuery(PageQuery):
    workspace = serializers.CharField(required=False)
    search = serializers.CharField(required=False, default="", allow_blank=True, help_text="In the name.")


class VersionQuery(PageQuery):
    workspace = serializers.CharField(required=False, help_text="Needed where two of yours have this name.")


class TagsText(serializers.JSONField):
    """A JSON object as a form's text."""

    def to_internal_value(self, data: Any) -> Any:
        try:
            value = super().to_internal_value(data)
            check_storable(value)
        except RecursionError:
            self.fail("invalid")
        if not isinstance(value, dict):
            raise serializers.ValidationError('A JSON object of text, such as {"team": "risk"}.')
        return value


class UploadBody(StrictSerializer):
    """Multipart. One archive (zip, tar, tar.gz), or files, each with its relative path in the same order."""

    name = serializers.CharField(help_text="A name that exists gets its next version.")
    description = serializers.CharField(required=False, allow_blank=True, max_length=10_000)
    files = serializers.ListField(child=serializers.FileField(allow_empty_file=True), allow_empty=False)
    paths = serializers.ListField(
        child=serializers.CharField(trim_whitespace=False), required=False, help_text="Without it, the files' names."
    )

    refused = {"version": VERSION_TAKEN, "path": "Send the files themselves, as multipart/form-data."}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        paths, files = attrs.get("paths"), attrs["files"]
        if paths is not None and len(paths) != len(files):
            counts = f"there are {len(files)} files, {len(paths)} paths"
            raise serializers.ValidationError({"paths": f"One path for each file, in the same order: {counts}."})
        return attrs


class ModelBody(UploadBody):
    type = serializers.ChoiceField(ModelType.choices)
    tags = TagsText(required=False, help_text='A JSON object of text, such as {"team": "risk"}.')


class CodeBody(UploadBody):
    refused = UploadBody.refused | {"tags": "Scoring code has no tags. Leave it out."}


class AssetSerializer(serializers.Serializer[Any]):
    id = serializers.SerializerMethodField(help_text="How a deployment names it.")
    name = serializers.CharField()
    version = serializers.IntegerField()
    workspace = serializers.CharField(source="workspace.name")
    description = serializers.CharField()
    created_at = serializers.DateTimeField()
    created_by = maker()
    in_use = serializers.IntegerField(help_text="Deployments that use it.")

    def get_id(self, asset: VersionedAsset) -> str:
        return f"azureml:{asset}"


class FindingSerializer(serializers.Serializer[Any]):
    path = serializers.CharField()
    severity = serializers.CharField()
    message = serializers.CharField()


class ModelSerializer(AssetSerializer):
    type = serializers.ChoiceField(ModelType.choices)
    tags = pairs()
    sha256 = serializers.CharField(source="artifact_id", help_text="Of its content.")
    size_bytes = serializers.IntegerField(source="artifact.size_bytes")
    file_count = serializers.IntegerField(source="artifact.file_count")
    scan_status = serializers.ChoiceField(ScanStatus.choices)
    scan_findings = FindingSerializer(many=True)
    mlflow = serializers.DictField(help_text="What its MLmodel says: flavors, signature, requirements; {} otherwise.")


class CodeSerializer(AssetSerializer):
    sha256 = serializers.CharField(source="artifact_id", help_text="Of its content.")
    size_bytes = serializers.IntegerField(source="artifact.size_bytes")
    file_count = serializers.IntegerField(source="artifact.file_count")


class FileSerializer(serializers.Serializer[Any]):
    path = serializers.CharField()
    size_bytes = serializers.IntegerField()
    sha256 = serializers.CharField()


class EnvironmentBody(StrictSerializer):
    """Either `conda_file` or `requirements`."""

    name = serializers.CharField(help_text="A name that exists gets its next version.")
    description = serializers.CharField(required=False, allow_blank=True, max_length=10_000)
    conda_file = serializers.JSONField(required=False, help_text="A conda file, as text or as the object that it is.")
    requirements = serializers.CharField(required=False, trim_whitespace=False, help_text="A requirements.txt.")
    python_version = serializers.CharField(
        required=False, help_text="With requirements; a conda file names its own. 3.11 if not given."
    )

    only = {"os_type": Only("linux", "Only linux is available.")}
    refused = {
        "version": VERSION_TAKEN,
        "tags": "Environments have no tags. Leave it out.",
        "image": "Container images are not available here: environments are built from packages. Leave it out.",
        "build": "Dockerfiles are not available here: environments are built from packages. Leave it out.",
        "inference_config": "Containers of your own are not available yet. Leave it out.",
    }

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("conda_file" in attrs) == ("requirements" in attrs):
            raise serializers.ValidationError({"conda_file": "Give either conda_file or requirements."})
        if "requirements" in attrs:
            text = attrs.pop("requirements")
            return {**attrs, "format": EnvironmentVersion.Format.REQUIREMENTS, "text": text}
        if "python_version" in attrs:
            raise serializers.ValidationError({"python_version": "A conda file names its own: python=3.11."})
        given = attrs.pop("conda_file")
        text = given if isinstance(given, str) else yaml.safe_dump(given, sort_keys=False)
        return {**attrs, "format": EnvironmentVersion.Format.CONDA, "text": text}


class EnvironmentSerializer(AssetSerializer):
    conda_file = serializers.SerializerMethodField()
    requirements = serializers.SerializerMethodField()
    python_version = serializers.CharField()
    packages = serializers.ListField(
        source="requirements", child=serializers.CharField(), help_text="What it was read as."
    )

    def get_conda_file(self, environment: EnvironmentVersion) -> str | None:
        return environment.text if environment.format == EnvironmentVersion.Format.CONDA else None

    def get_requirements(self, environment: EnvironmentVersion) -> str | None:
        return environment.text if environment.format == EnvironmentVersion.Format.REQUIREMENTS else None


class BuildSerializer(serializers.Serializer[Any]):
    state = serializers.ChoiceField(BuildState.choices)
    error = serializers.CharField()
    size_bytes = serializers.IntegerField(allow_null=True)
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


class EnvironmentDetailSerializer(EnvironmentSerializer):
    build = serializers.SerializerMethodField(help_text="On this machine; null while no deployment has needed it.")

    @extend_schema_field(BuildSerializer(allow_null=True))
    def get_build(self, environment: EnvironmentVersion) -> Any:
        build = build_of(built_hash(environment))
        return BuildSerializer(build).data if build else None
