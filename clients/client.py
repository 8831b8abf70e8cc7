"""The Python client against the cluster of KUBECONFIG: each test is a thing that programs written with it do."""

import os
import threading
import unittest
import urllib.request

from kubernetes import client, config, dynamic, stream, utils, watch
from kubernetes.client.rest import ApiException

PATIENCE = 60
NAMESPACE = "default"


def setUpModule():
    config.load_kube_config()


def deployment(name, replicas=2):
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "app", "image": "nginx:1.27"}]},
            },
        },
    }


class Clients(unittest.TestCase):
    def available(self, name, wanted):
        """Waits over a watch until so many are there."""
        seen = watch.Watch().stream(
            client.AppsV1Api().list_namespaced_deployment,
            NAMESPACE,
            field_selector=f"metadata.name={name}",
            timeout_seconds=PATIENCE,
        )
        for event in seen:
            status = event["object"].status
            if status.available_replicas == wanted and status.replicas == wanted:
                return event["object"]
        self.fail(f"{name} never had {wanted}")

    def test_create_patch_scale_log_exec(self):
        apps, core = client.AppsV1Api(), client.CoreV1Api()
        utils.create_from_dict(client.ApiClient(), deployment("python"), namespace=NAMESPACE)
        self.available("python", 2)
        apps.patch_namespaced_deployment("python", NAMESPACE, {"metadata": {"annotations": {"a": "b"}}})
        remove = [{"op": "remove", "path": "/metadata/annotations/a"}]
        patched = apps.patch_namespaced_deployment("python", NAMESPACE, remove)
        self.assertNotIn("a", patched.metadata.annotations)
        apps.patch_namespaced_deployment_scale("python", NAMESPACE, {"spec": {"replicas": 1}})
        self.available("python", 1)
        self.assertEqual(apps.read_namespaced_deployment_scale("python", NAMESPACE).spec.replicas, 1)
        pods = core.list_namespaced_pod(NAMESPACE, label_selector="app=python", field_selector="status.phase=Running")
        pod = [one for one in pods.items if not one.metadata.deletion_timestamp][0].metadata.name
        self.assertIsInstance(core.read_namespaced_pod_log(pod, NAMESPACE, tail_lines=3), str)
        said = stream.stream(
            core.connect_get_namespaced_pod_exec,
            pod,
            NAMESPACE,
            command=["sh", "-c", "echo out; echo err >&2"],
            stdout=True,
            stderr=True,
            _preload_content=False,
        )
        said.run_forever(timeout=PATIENCE)
        self.assertEqual((said.read_stdout(), said.read_stderr(), said.returncode), ("out\n", "err\n", 0))
        apps.delete_namespaced_deployment("python", NAMESPACE)

    def test_apply_and_conflict(self):
        maps = dynamic.DynamicClient(client.ApiClient()).resources.get(api_version="v1", kind="ConfigMap")

        def apply(manager, value, force=False):
            body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "applied"}, "data": {"a": value}}
            return maps.server_side_apply(
                body=body, namespace=NAMESPACE, field_manager=manager, force_conflicts=force
            )

        apply("one", "1")
        with self.assertRaises(ApiException) as refused:
            apply("two", "2")
        self.assertEqual(refused.exception.status, 409)
        self.assertEqual(apply("two", "2", force=True).data.a, "2")

    def test_watch_over_a_restart(self):
        core = client.CoreV1Api()
        known = core.list_namespaced_config_map(NAMESPACE).metadata.resource_version
        urllib.request.urlopen(os.environ["RESTART"], data=b"").read()
        make = lambda: core.create_namespaced_config_map(NAMESPACE, {"metadata": {"name": "after"}})
        threading.Timer(1, make).start()
        names = []
        for event in watch.Watch().stream(
            core.list_namespaced_config_map, NAMESPACE, resource_version=known, timeout_seconds=PATIENCE
        ):
            names.append((event["type"], event["object"].metadata.name))
            if names[-1][1] == "after":
                break
        self.assertIn(("ADDED", "after"), names)

    def test_refusals(self):
        core = client.CoreV1Api()
        with self.assertRaises(ApiException) as missing:
            core.read_namespaced_pod("none", NAMESPACE)
        self.assertEqual((missing.exception.status, missing.exception.reason), (404, "Not Found"))
        with self.assertRaises(ApiException) as invalid:
            core.create_namespaced_config_map(NAMESPACE, {"metadata": {"name": "Not_A_Name"}})
        self.assertEqual(invalid.exception.status, 422)


if __name__ == "__main__":
    unittest.main(verbosity=2)
