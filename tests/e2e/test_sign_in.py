"""Ways in, in a real browser: an identity provider, an authenticator app, a passkey; and sessions that are ended."""

import time
from collections.abc import Iterator

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.conftest import sign_in
from tests.e2e.running import RunningStudio
from tests.e2e.scripts import api
from tests.issuer import LocalIssuer, local_issuer
from tests.tokens import AUDIENCE

pytestmark = pytest.mark.e2e
PASSWORD = "correct-horse-battery"
WIDE, NARROW = {"width": 1360, "height": 900}, {"width": 390, "height": 800}


def person(studio: RunningStudio, name: str) -> str:
    email = f"{name}@example.org"
    studio.shell(f"from endpoints.models import User; User.objects.create_user('{email}', '{PASSWORD}')")
    return email


def opened(browser: Browser, studio: RunningStudio, host: str = "127.0.0.1") -> BrowserContext:
    context = browser.new_context(viewport=WIDE, base_url=f"http://{host}:{studio.port}")  # type: ignore[arg-type]
    context.set_default_timeout(60_000)
    return context


def sign_in_by_form(page: Page, email: str) -> None:
    page.goto("/accounts/login/")
    page.fill("input[name=login]", email)
    page.fill("input[name=password]", PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def confirm(page: Page) -> None:
    """Where the studio asks once more who it is."""
    page.wait_for_url("**/accounts/reauthenticate/**")
    page.fill("input[name=password]", PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    page.wait_for_url(lambda url: "reauthenticate" not in url)


def is_for_everybody(page: Page) -> None:
    """Both themes, wide and narrow."""
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        found = [each for each in Axe().run(page).response["violations"] if each["impact"] != "minor"]
        assert [(each["id"], [node["html"][:200] for node in each["nodes"][:3]]) for each in found] == []
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    page.wait_for_function("document.documentElement.scrollWidth <= 390")
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    page.emulate_media(color_scheme="light")


@pytest.fixture
def issuer(studio: RunningStudio) -> Iterator[LocalIssuer]:
    with local_issuer() as running:
        running.clients = {"studio": "s3cret"}
        body = {"name": "lab", "issuer": running.url, "audiences": [AUDIENCE], "label": "Laboratory"}
        client = {"client_id": "studio", "client_secret": "s3cret", "creates_accounts": True}
        shown = api(studio, "POST", "identity-providers/", json={**body, **client})
        assert "s3cret" not in shown.text
        yield running
        api(studio, "DELETE", "identity-providers/lab/")


def test_an_identity_provider_signs_in(browser: Browser, studio: RunningStudio, issuer: LocalIssuer) -> None:
    issuer.person = {"sub": "grace", "email": "grace@example.org", "email_verified": True, "name": "Grace"}
    context = opened(browser, studio)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto("/models/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    is_for_everybody(page)
    page.get_by_role("link", name="Continue with Laboratory").click()
    page.wait_for_url("**/models/")
    page.goto("/profile/security/")
    expect(page.get_by_text("By lab")).to_be_visible()
    is_for_everybody(page)
    issuer.person = {**issuer.person, "nonce": "forged"}
    context.clear_cookies()
    page.goto("/accounts/login/")
    page.get_by_role("link", name="Continue with Laboratory").click()
    expect(page.get_by_role("heading", name="Not signed in")).to_be_visible()
    is_for_everybody(page)
    assert [text for text in complaints if "403" not in text and "404" not in text] == []
    context.close()


def code_now(secret: str) -> str:
    """Of a period that lasts long enough to type it."""
    while time.time() % 30 > 20:
        time.sleep(0.5)
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30)))


def test_an_app_is_set_up_and_asked_for(browser: Browser, studio: RunningStudio) -> None:
    email = person(studio, "app")
    context = opened(browser, studio)
    page = context.new_page()
    sign_in_by_form(page, email)
    page.wait_for_url("**/endpoints/**")
    page.goto("/profile/security/")
    page.get_by_role("link", name="Set up an app").click()
    page.wait_for_url("**/accounts/reauthenticate/**")
    is_for_everybody(page)
    confirm(page)
    assert page.locator("img.qr").evaluate("(code) => code.decode().then(() => code.naturalWidth)") > 0
    is_for_everybody(page)
    secret = page.locator("form code").first.inner_text().strip()
    page.fill("input[name=code]", code_now(secret))
    page.get_by_role("button", name="Activate").click()
    codes = page.locator("[data-codes] code")
    expect(codes).to_have_count(10)
    recovery = codes.first.inner_text()
    is_for_everybody(page)
    page.reload()
    expect(codes).to_have_count(0)
    context.clear_cookies()
    sign_in_by_form(page, email)
    page.wait_for_url("**/2fa/authenticate/")
    is_for_everybody(page)
    page.fill("input[name=code]", recovery)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/endpoints/**")
    context.close()


def test_a_passkey_is_added_and_signs_in(browser: Browser, studio: RunningStudio) -> None:
    email = person(studio, "passkey")
    context = opened(browser, studio, "localhost")
    page = context.new_page()
    virtual_authenticator(context, page)
    sign_in_by_form(page, email)
    page.wait_for_url("**/endpoints/**")
    page.goto("/profile/security/")
    page.get_by_role("link", name="Add a passkey").click()
    confirm(page)
    is_for_everybody(page)
    page.fill("input[name=name]", "laptop")
    page.get_by_role("button", name="Add passkey").click()
    page.wait_for_url("**/recovery-codes/")
    page.get_by_role("link", name="I have saved them").click()
    expect(page.get_by_role("cell", name="laptop", exact=True)).to_be_visible()
    is_for_everybody(page)
    context.clear_cookies()
    page.goto("/accounts/login/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url("**/endpoints/**")
    context.clear_cookies()
    sign_in_by_form(page, email)
    page.wait_for_url("**/2fa/authenticate/")
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url("**/endpoints/**")
    page.goto("/profile/security/")
    page.get_by_role("link", name="Rename laptop").click()
    confirm(page)
    page.fill("input[name=name]", "old laptop")
    page.get_by_role("button", name="Save name").click()
    page.get_by_role("link", name="Remove old laptop").click()
    page.get_by_role("button", name="Remove passkey").click()
    expect(page.get_by_text("You have no passkey yet.")).to_be_visible()
    context.close()


def virtual_authenticator(context: BrowserContext, page: Page) -> None:
    """A platform authenticator that keeps passkeys and always finds its person."""
    session = context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    session.send(
        "WebAuthn.addVirtualAuthenticator",
        {"options": {**options, "isUserVerified": True, "automaticPresenceSimulation": True}},
    )


def test_a_session_is_ended_from_another_browser(browser: Browser, studio: RunningStudio) -> None:
    email = person(studio, "sessions")
    here, there = opened(browser, studio), opened(browser, studio)
    first, second = here.new_page(), there.new_page()
    for page in (first, second):
        sign_in(page, email, PASSWORD)
    first.goto("/profile/sessions/")
    is_for_everybody(first)
    expect(first.get_by_text("This one")).to_have_count(1)
    first.get_by_role("button", name="End", exact=True).click()
    expect(first.get_by_role("button", name="End", exact=True)).to_have_count(0)
    second.goto("/models/")
    second.wait_for_url("**/accounts/login/**")
    first.goto("/models/")
    expect(first.get_by_role("heading", name="Models", exact=True)).to_be_visible()
    here.close()
    there.close()
