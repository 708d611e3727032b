"""What a unit of each meter costs, from when on."""

from django.db import models
from django.utils import timezone

from endpoints.enums import Meter
from endpoints.models.events import AppendOnlyModel


class Price(AppendOnlyModel):
    """Only ever added to: of two for the same moment the later one counts, and one without a number takes it back. The
    item is an instance type by its name, or a model; empty: every one that has no price of its own."""

    meter = models.CharField(max_length=20, choices=Meter.choices)
    item = models.CharField(max_length=40, blank=True)
    unit_price = models.DecimalField(max_digits=10, decimal_places=4, null=True)
    valid_from = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.CharField(max_length=254)  # an e-mail address, or "system", as in the history

    class Meta:
        ordering = ("id",)
        indexes = [models.Index(fields=["meter", "item", "id"], name="prices_of_an_item")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(unit_price__isnull=True) | models.Q(unit_price__gte=0), name="no_price_below_nothing"
            )
        ]

    def __str__(self) -> str:
        return f"{self.meter} {self.item} {self.valid_from:%Y-%m-%dT%H:%M:%SZ}"
