"""Models, scoring code and environments."""

import json
from collections.abc import Mapping
from typing import Any

import yaml
from django.conf import settings
from django.db import models
from rest_framework import serializers

from endpoints.enums import BuildState, ModelType, ScanStatus
from endpoints.models import CodeVersion, EnvironmentBuild, EnvironmentVersion, ModelVersion, VersionedAsset
from endpoints.selectors.assets import build_of
from endpoints.services.specification import built_hash
from studio.api.paging import PageQuery
from studio.api.parsing import StrictSerializer
from studio.api.serializers.fields import maker, pairs
