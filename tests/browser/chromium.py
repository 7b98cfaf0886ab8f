"""Debian's Chromium, driven without its window and without a network."""

import os
from shutil import which

import pytest
from playwright.async_api import Browser, Playwright, expect

# Autofill takes what an authenticator that is made believe has, the moment that the page offers it.
WITHOUT_AUTOFILL = "delete PublicKeyCredential.isConditionalMediationAvailable"
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,  # touched as soon as it is asked
}
_ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
    # Nothing leaves this machine, which is two sites by its two names.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
]


async def launched(playwright: Playwright) -> Browser:
    found = which("chromium")
    # In CI nothing is skipped: what is not there fails.
    if found is None and "CI" not in os.environ:  # noqa: TID251
        pytest.skip("Chromium is missing, so nothing is proven here: apt-get install chromium")
    assert found is not None, "Chromium is missing: apt-get install chromium"
    expect.set_options(timeout=30_000)  # ms, as long as clicks wait: a slow machine is no failure
    return await playwright.chromium.launch(executable_path=found, args=_ARGUMENTS)
