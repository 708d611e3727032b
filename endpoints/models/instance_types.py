"""Sizes of replica, and what they cost. IT edits them."""

from decimal import Decimal

from django.core.validators import MinValueValidator
from django.db import models


class InstanceType(models.Model):
    """`price_per_hour` is the one in force; those with dates are in Price, and the collector has this one follow."""

    name = models.SlugField(max_length=40, unique=True)
    description = models.CharField(max_length=200, blank=True)
    vcpu = models.DecimalField(max_digits=6, decimal_places=2, validators=[MinValueValidator(Decimal("0.1"))])
    memory_mib = models.PositiveIntegerField(validators=[MinValueValidator(64)])
    gpu = models.PositiveSmallIntegerField(default=0)
    price_per_hour = models.DecimalField(max_digits=10, decimal_places=4, validators=[MinValueValidator(0)])
    enabled = models.BooleanField(default=True)

    class Meta:
        ordering = ("price_per_hour", "name")

    def __str__(self) -> str:
        return self.name
