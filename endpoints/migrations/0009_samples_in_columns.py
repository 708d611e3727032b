"""Samples in columns and bytes instead of JSON, found by deployment, resolution and time; passes of the collector."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import django.db.models.deletion
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db.models import Max

from endpoints.domain.packing import columns
from endpoints.domain.rollups import HOUR, Gauge, SampleValues

AT_ONCE = 2000
GAUGES = ("active", "memory_bytes", "ready", "wanted")


def move(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """The newest hour is not over: it will be made of its minutes anew."""
    old, new = apps.get_model("endpoints", "JsonSample"), apps.get_model("endpoints", "Sample")
    kept = ("deployment_id", "resolution", "at")
    for rows in batches(old.objects.order_by("pk").values(*kept, "values").iterator(chunk_size=AT_ONCE)):
        new.objects.bulk_create(
            new(**{name: row[name] for name in kept}, **columns(read(row["values"]))) for row in rows
        )
    newest = new.objects.filter(resolution=HOUR).aggregate(newest=Max("at"))["newest"]
    if newest is not None:
        apps.get_model("endpoints", "Rollup").objects.create(resolution=HOUR, until=newest)


def batches(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    rows = iter(rows)
    while batch := list(islice(rows, AT_ONCE)):
        yield batch


def read(plain: dict[str, Any]) -> SampleValues:
    gauges = {name: plain[name] for name in GAUGES if plain.get(name)}
    return SampleValues(
        covered_ms=plain.get("covered_ms", 0),
        counts=plain.get("counts", {}),
        latency={int(bound): count for bound, count in plain.get("latency", {}).items()},
        mirror_latency={int(bound): count for bound, count in plain.get("mirror_latency", {}).items()},
        cpu_ms=plain.get("cpu_ms", 0),
        cpu_covered_ms=plain.get("cpu_covered_ms", 0),
        **{
            name: Gauge(count=count, total=total, low=low, high=high)
            for name, (count, total, low, high) in gauges.items()
        },
    )


class Migration(migrations.Migration):
    dependencies = [
        ("endpoints", "0008_saved_requests"),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="sample", name="one_sample_per_interval"),
        migrations.RemoveIndex(model_name="sample", name="samples_by_time"),
        migrations.RenameModel(old_name="Sample", new_name="JsonSample"),
        migrations.AlterField(
            model_name="jsonsample",
            name="deployment",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="endpoints.deployment"
            ),
        ),
        migrations.CreateModel(
            name="CollectorPass",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("started_at", models.DateTimeField(db_index=True)),
                ("duration_ms", models.PositiveIntegerField()),
                ("late_ms", models.PositiveIntegerField(default=0)),
                ("skipped", models.PositiveIntegerField(default=0)),
                ("deployments", models.PositiveIntegerField(default=0)),
                ("error", models.CharField(blank=True, max_length=500)),
            ],
        ),
        migrations.CreateModel(
            name="Rollup",
            fields=[
                ("resolution", models.PositiveIntegerField(primary_key=True, serialize=False)),
                ("until", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Sample",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "deployment", "resolution", "at", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "deployment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="samples",
                        to="endpoints.deployment",
                    ),
                ),
                ("at", models.DateTimeField()),
                ("requests", models.PositiveBigIntegerField(default=0)),
                ("errors", models.PositiveBigIntegerField(default=0)),
                ("covered_ms", models.PositiveBigIntegerField(default=0)),
                ("resolution", models.PositiveIntegerField()),
                ("in_flight", models.PositiveIntegerField(default=0)),
                ("latency", models.BinaryField(default=bytes)),
                ("mirror_latency", models.BinaryField(default=bytes)),
                ("more", models.BinaryField(default=bytes)),
            ],
            options={
                "indexes": [models.Index(fields=["resolution", "at"], name="samples_by_interval")],
            },
        ),
        migrations.RunPython(move, migrations.RunPython.noop),
        migrations.DeleteModel(name="JsonSample"),
    ]
