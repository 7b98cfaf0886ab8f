"""`deploy/kubernetes`: the manifests agree with each other, the image and the settings."""

from typing import Any

import pytest

from tests.deploy import dockerfile
from tests.deploy.documents import read, read_one
from watchword.domain.time import SECOND
from watchword.settings import Settings, SettingsError
from watchword.web.app import ROUTES

FOLDER = dockerfile.ROOT / "deploy" / "kubernetes"
OWN = {
    "WATCHWORD_SECRET": "a secret that all nodes have been given",
    "WATCHWORD_METRICS_TOKEN": "a-token-of-the-figures",
}
MAX_CONNECTIONS = 97  # of PostgreSQL as it is installed, without those kept for its administrator


@pytest.fixture
def parts() -> dict[str, Any]:
    """By kind; the second Ingress is left out."""
    kustomization = read_one(FOLDER / "kustomization.yaml")
    found: dict[str, Any] = {"Kustomization": kustomization}
    for name in kustomization["resources"]:
        for document in read(FOLDER / name):
            found.setdefault(document["kind"], document)
    return found


@pytest.fixture
def pod(parts: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = parts["Deployment"]["spec"]["template"]["spec"]
    return found


def test_every_manifest_is_listed_or_an_example() -> None:
    listed = set(read_one(FOLDER / "kustomization.yaml")["resources"])
    there = {path.name for path in FOLDER.iterdir()} - {"kustomization.yaml"}
    assert there - listed == {"secret.example.yaml"}
    assert listed <= there


def test_whatever_selects_pods_selects_these(parts: dict[str, Any]) -> None:
    labels = parts["Deployment"]["spec"]["template"]["metadata"]["labels"]
    pod = parts["Deployment"]["spec"]["template"]["spec"]
    assert parts["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert parts["Service"]["spec"]["selector"] == labels
    assert parts["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    spread = pod["topologySpreadConstraints"]
    assert [one["labelSelector"]["matchLabels"] for one in spread] == [labels, labels]
    target = parts["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == (
        "Deployment",
        parts["Deployment"]["metadata"]["name"],
    )


def test_ports_agree_from_the_ingress_to_the_image(
    parts: dict[str, Any], pod: dict[str, Any]
) -> None:
    (container,) = pod["containers"]
    (port,) = container["ports"]
    assert str(port["containerPort"]) == dockerfile.the_one("EXPOSE").argument
    (served,) = parts["Service"]["spec"]["ports"]
    assert served["targetPort"] == port["name"]
    for ingress in read(FOLDER / "ingress.yaml"):
        (path,) = ingress["spec"]["rules"][0]["http"]["paths"]
        assert path["backend"]["service"]["name"] == parts["Service"]["metadata"]["name"]
        assert path["backend"]["service"]["port"] == {"name": served["name"]}


def test_probes_ask_addresses_that_exist(pod: dict[str, Any]) -> None:
    (container,) = pod["containers"]
    asked = {name: container[name]["httpGet"]["path"] for name in container if "Probe" in name}
    assert asked == {
        "startupProbe": "/health/live",
        "livenessProbe": "/health/live",
        "readinessProbe": "/health/ready",
    }
    assert set(asked.values()) <= {route.path for route in ROUTES}


def test_every_setting_exists_and_no_secret_lies_among_the_others(
    parts: dict[str, Any], pod: dict[str, Any]
) -> None:
    open_ones = parts["ConfigMap"]["data"]
    secret = read_one(FOLDER / "secret.example.yaml")
    Settings.load({**open_ones, **secret["stringData"], **OWN})
    hidden = {"SECRET", "URL_PASSWORD", "DATABASE_URL", "REDIS_URL", "SMTP_URL", "TOKEN"}
    assert not [name for name in open_ones if name.endswith(tuple(hidden))]
    for container in (*pod["initContainers"], *pod["containers"]):
        names = [next(iter(one.values()))["name"] for one in container["envFrom"]]
        assert names == [parts["ConfigMap"]["metadata"]["name"], secret["metadata"]["name"]]


@pytest.mark.parametrize("name", OWN)
def test_its_examples_of_secrets_are_none(name: str) -> None:
    """Everybody can read them: who forgets to replace one must not be served."""
    examples = read_one(FOLDER / "secret.example.yaml")["stringData"]
    others = {**OWN, name: examples[name]}
    with pytest.raises(SettingsError, match=name):
        Settings.load({**examples, **others})


def test_pods_are_confined_as_the_restricted_standard_wants(pod: dict[str, Any]) -> None:
    user = int(dockerfile.the_one("USER").argument.partition(":")[0])
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == user
    assert pod["securityContext"]["fsGroup"] == user
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    data = dockerfile.variables()["WATCHWORD_DATA_DIR"]
    for container in (*pod["initContainers"], *pod["containers"]):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert [one["mountPath"] for one in container["volumeMounts"]] == [data]
        assert container["image"] == "watchword"


def test_there_is_time_to_leave_and_room_for_all_at_the_database(
    parts: dict[str, Any], pod: dict[str, Any]
) -> None:
    settings = Settings.load(parts["ConfigMap"]["data"])
    delay = settings.shutdown_delay / SECOND
    probe = pod["containers"][0]["readinessProbe"]
    assert delay >= probe["periodSeconds"] * probe["failureThreshold"]
    assert pod["terminationGracePeriodSeconds"] >= delay + 10
    surge = parts["Deployment"]["spec"]["strategy"]["rollingUpdate"]["maxSurge"]
    most = parts["HorizontalPodAutoscaler"]["spec"]["maxReplicas"] + surge
    assert most * (settings.database_pool + 2) <= MAX_CONNECTIONS
    least = parts["HorizontalPodAutoscaler"]["spec"]["minReplicas"]
    assert parts["PodDisruptionBudget"]["spec"]["minAvailable"] < least


def test_a_refresh_alone_is_asked_for_twice() -> None:
    every, refresh = read(FOLDER / "ingress.yaml")
    key = "nginx.ingress.kubernetes.io/proxy-next-upstream"
    assert every["metadata"]["annotations"][key] == "error timeout"
    assert refresh["metadata"]["annotations"][key] == "error timeout non_idempotent"
    (path,) = refresh["spec"]["rules"][0]["http"]["paths"]
    assert (path["path"], path["pathType"]) == ("/auth/refresh", "Exact")
