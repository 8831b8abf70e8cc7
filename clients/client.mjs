// The JavaScript client against the cluster of KUBECONFIG.
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import * as k8s from '@kubernetes/client-node';

const config = new k8s.KubeConfig();
config.loadFromDefault();
const core = config.makeApiClient(k8s.CoreV1Api);
const apps = config.makeApiClient(k8s.AppsV1Api);
const namespace = 'default';

async function until(what, look) {
  const end = Date.now() + 60_000;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() > end) assert.fail(`${what}: it never came to that`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const labels = { app: 'script' };
const deployment = {
  metadata: { name: 'script' },
  spec: {
    replicas: 2,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'nginx:1.27' }] } },
  },
};

test('a deployment is made, scaled and looked into', async () => {
  await apps.createNamespacedDeployment({ namespace, body: deployment });
  const read = () => apps.readNamespacedDeployment({ namespace, name: 'script' });
  await until('two', async () => (await read()).status.availableReplicas === 2);
  const scale = await apps.readNamespacedDeploymentScale({ namespace, name: 'script' });
  scale.spec.replicas = 1;
  await apps.replaceNamespacedDeploymentScale({ namespace, name: 'script', body: scale });
  await until('one', async () => (await read()).status.replicas === 1);
  const { items } = await core.listNamespacedPod({ namespace, labelSelector: 'app=script' });
  const name = items.find((pod) => !pod.metadata.deletionTimestamp).metadata.name;
  assert.equal(typeof (await core.readNamespacedPodLog({ namespace, name })), 'string');
  const out = new PassThrough();
  const said = out.toArray();
  const status = await new Promise((resolve, reject) =>
    new k8s.Exec(config).exec(namespace, name, 'app', ['echo', 'hello'], out, null, null, false, resolve).catch(reject),
  );
  out.end();
  assert.equal(status.status, 'Success');
  assert.equal(Buffer.concat(await said).toString(), 'hello\n');
  await apps.deleteNamespacedDeployment({ namespace, name: 'script' });
});

test('objects of any kind are patched in every way', async () => {
  const objects = k8s.KubernetesObjectApi.makeApiClient(config);
  const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'patched', namespace }, data: { a: '1' } };
  await objects.create(map);
  for (const [kind, body] of [
    [k8s.PatchStrategy.MergePatch, { ...map, data: { b: '2' } }],
    [k8s.PatchStrategy.StrategicMergePatch, { ...map, data: { c: '3' } }],
    [k8s.PatchStrategy.ServerSideApply, { ...map, data: { d: '4' } }],
  ]) {
    const force = kind === k8s.PatchStrategy.ServerSideApply || undefined;
    await objects.patch(body, undefined, undefined, 'script', force, kind);
  }
  assert.deepEqual((await objects.read(map)).data, { a: '1', b: '2', c: '3', d: '4' });
  await objects.delete(map);
});

test('an informer hears all, over a restart of the server too', async () => {
  const list = () => core.listNamespacedConfigMap({ namespace, labelSelector: 'heard=yes' });
  const path = `/api/v1/namespaces/${namespace}/configmaps`;
  const informer = k8s.makeInformer(config, path, list, 'heard=yes');
  const heard = new Set();
  informer.on('add', (map) => heard.add(map.metadata.name));
  informer.on('delete', (map) => heard.delete(map.metadata.name));
  informer.on('error', () => setTimeout(() => informer.start(), 200));
  await informer.start();
  const make = (name) =>
    core.createNamespacedConfigMap({ namespace, body: { metadata: { name, labels: { heard: 'yes' } } } });
  await make('first');
  await until('the first', () => heard.has('first'));
  await fetch(process.env.RESTART, { method: 'POST' });
  await make('second');
  await until('the second', () => heard.has('second'));
  await core.deleteNamespacedConfigMap({ namespace, name: 'first' });
  await until('its end', () => !heard.has('first'));
  await informer.stop();
});

test('refusals are told', async () => {
  await assert.rejects(core.readNamespacedPod({ namespace, name: 'none' }), (error) => error.code === 404);
});
