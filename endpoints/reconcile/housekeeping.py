"""What nobody needs any more."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from endpoints.models import Draft, Lease, ScaleDecision
from endpoints.selectors.site import site_state
from endpoints.services.alerts import forget_ended
from endpoints.services.notifications import forget_old
from endpoints.services.signing import keep_fresh
from endpoints.services.uploads import sweep_staging


def tidy() -> None:
    """Drafts that were left a month ago, leases that nobody holds, uploads that nobody registered; signing keys
    that are too old; decisions of autoscale, notifications and ended alerts that are older than they are kept: what
    was done stands in the history."""
    now, kept = timezone.now(), site_state()
    Draft.objects.filter(updated_at__lt=now - timedelta(days=30)).delete()
    Lease.objects.filter(token="", chain="").delete()
    ScaleDecision.objects.filter(last_at__lt=now - timedelta(days=kept.decision_days)).delete()
    forget_old(before=now - timedelta(days=kept.notification_days))
    forget_ended(now=now, kept=timedelta(days=settings.STUDIO_ALERT_DAYS))
    sweep_staging()
    keep_fresh(now=now)
