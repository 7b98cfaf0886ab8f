"""`deploy/compose.yaml`: whatever it refers to is there, and its settings are ones that exist."""

import ipaddress
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values

from tests.deploy import dockerfile
from tests.deploy.documents import read_one
from watchword.domain.time import SECOND
from watchword.settings import Settings, SettingsError

FOLDER = dockerfile.ROOT / "deploy"
EXAMPLE = FOLDER / "nodes.env.example"
NODES = ["node1", "node2", "node3"]


@pytest.fixture
def compose() -> dict[str, Any]:
    found: dict[str, Any] = read_one(FOLDER / "compose.yaml")
    return found


def test_what_it_builds_from_and_mounts_is_in_the_checkout(compose: dict[str, Any]) -> None:
    for node in NODES:
        build = compose["services"][node]["build"]
        context = FOLDER / build["context"]
        assert (context / build["dockerfile"]).resolve() == dockerfile.FILE
        assert (context / ".dockerignore").is_file()
    mounted = compose["services"]["caddy"]["volumes"][0].split(":")[0]
    assert (FOLDER / mounted).is_file()


def test_every_reference_between_its_parts_leads_somewhere(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for other, wanted in service.get("depends_on", {}).items():
            assert wanted == {"condition": "service_healthy"}
            # A node's is in its image.
            assert "healthcheck" in compose["services"][other] or other in NODES
        assert set(service["networks"]) <= set(compose["networks"])
        assert set(service.get("secrets", [])) <= set(compose["secrets"])
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source.startswith(".") or source in compose["volumes"]
        assert service["restart"] == "unless-stopped"


def test_its_nodes_get_settings_that_hold_together(compose: dict[str, Any], tmp_path: Path) -> None:
    shared = {name: text or "" for name, text in dotenv_values(EXAMPLE).items()}
    shared["WATCHWORD_SECRET"] = "a secret that all nodes have been given"
    for node in NODES:
        service = compose["services"][node]
        assert service["env_file"] == "nodes.env"  # which nobody has checked in
        settings = Settings.load({**shared, **service["environment"]}, directory=tmp_path)
        assert settings.public_url == compose["services"]["caddy"]["environment"]["WATCHWORD_SITE"]
        delay = settings.shutdown_delay / SECOND
        assert int(service["stop_grace_period"].removesuffix("s")) >= delay + 10


def test_its_example_of_a_secret_is_none(tmp_path: Path) -> None:
    """Everybody can read it: who forgets to replace it must not be served."""
    shared = {name: text or "" for name, text in dotenv_values(EXAMPLE).items()}
    with pytest.raises(SettingsError, match="WATCHWORD_SECRET"):
        Settings.load(shared, directory=tmp_path)


def test_its_nodes_are_confined(compose: dict[str, Any]) -> None:
    for node in NODES:
        service = compose["services"][node]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert "ports" not in service


def test_its_nodes_believe_the_proxy_alone_and_its_address_is_given_to_nobody_else(
    compose: dict[str, Any],
) -> None:
    caddy = compose["services"]["caddy"]
    address = ipaddress.ip_address(caddy["networks"]["inside"]["ipv4_address"])
    (network,) = compose["networks"]["inside"]["ipam"]["config"]
    assert address in ipaddress.ip_network(network["subnet"])
    assert address not in ipaddress.ip_network(network["ip_range"])
    for node in NODES:
        trusted = compose["services"][node]["environment"]["WATCHWORD_TRUSTED_PROXIES"]
        assert trusted == str(address)
    port = dockerfile.the_one("EXPOSE").argument
    named = caddy["environment"]["WATCHWORD_NODES"].split()
    assert named == [f"{node}:{port}" for node in NODES]


def test_its_secrets_are_kept_out_of_the_repository() -> None:
    ignored = (dockerfile.ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert {"/deploy/nodes.env", "/deploy/postgres.password"} <= set(ignored)
