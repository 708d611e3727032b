"""IT's instance types and prices with dates."""

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from endpoints.domain.errors import NotFound
from endpoints.enums import Meter
from endpoints.models import InstanceType
from endpoints.selectors.prices import every_instance_type, price_for, price_history
from endpoints.services.prices import create_instance_type, set_price, update_instance_type, withdraw_price
from studio.api.identity import ITView
from studio.api.paging import listed, page_of
from studio.api.serializers.prices import (
    InstanceTypeBody,
    InstanceTypeChangesBody,
    PriceBody,
    PriceEntrySerializer,
    PriceQuery,
    PriceSerializer,
    SiteInstanceTypeSerializer,
)

TAG = "Instance types"


class SiteInstanceTypes(ITView):
    tag = TAG

    @extend_schema(responses=page_of(SiteInstanceTypeSerializer))
    def get(self, request: Request) -> Response:
        """List all instance types.

        IT's: those that are not offered any more, too."""
        return listed(SiteInstanceTypeSerializer(every_instance_type(), many=True).data)

    @extend_schema(request=InstanceTypeBody, responses={201: SiteInstanceTypeSerializer})
    def post(self, request: Request) -> Response:
        """Create an instance type.

        With its price, from now on."""
        made = create_instance_type(actor=self.actor, **self.body(InstanceTypeBody))
        return Response(SiteInstanceTypeSerializer(made).data, status=201)


class SiteInstanceTypeDetail(ITView):
    tag = TAG

    @extend_schema(request=InstanceTypeChangesBody, responses=SiteInstanceTypeSerializer)
    def patch(self, request: Request, name: str) -> Response:
        """Change an instance type.

        Its description, and whether it is offered. Its price is changed by another price."""
        row = InstanceType.objects.filter(name=name).first()
        if row is None:
            raise NotFound(f"There is no instance type “{name}”.")
        changed = update_instance_type(actor=self.actor, instance_type=row, **self.body(InstanceTypeChangesBody))
        return Response(SiteInstanceTypeSerializer(changed).data)


class Prices(ITView):
    tag = TAG
    queries = {"get": PriceQuery}

    @extend_schema(responses=page_of(PriceEntrySerializer))
    def get(self, request: Request) -> Response:
        """List the prices of one thing.

        The latest first: those to come, the present one, past ones, and what was taken back."""
        found = price_history(Meter(self.asked["meter"]), self.asked["item"], now=timezone.now())
        return listed(PriceEntrySerializer(found, many=True).data)

    @extend_schema(request=PriceBody, responses={201: PriceSerializer})
    def post(self, request: Request) -> Response:
        """Add a price.

        From a time to come: what was used until then keeps the price it had."""
        body = self.body(PriceBody)
        made = set_price(actor=self.actor, **{**body, "meter": Meter(body["meter"])})
        return Response(PriceSerializer(made).data, status=201)


class PriceDetail(ITView):
    tag = TAG

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request, price_id: int) -> Response:
        """Take a price back.

        One that does not hold yet: the price before it goes on."""
        withdraw_price(actor=self.actor, price=price_for(price_id))
        return Response(status=204)
