// Helm (HELM, or that of PATH) against the cluster of KUBECONFIG: the life of a release, with the chart that `helm create` makes.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';

const directory = mkdtempSync(join(tmpdir(), 'helm-'));
after(() => rmSync(directory, { recursive: true }));
const run = promisify(execFile);
const helm = async (...words) => (await run(process.env.HELM ?? 'helm', words, { cwd: directory })).stdout;
const revisions = async (name) => JSON.parse(await helm('history', name, '-o', 'json')).map(({ status, description }) => `${status}: ${description}`);
const WAIT = ['--wait', '--timeout', '120s'];

test(`a release of ${(await helm('version', '--short')).trim()} is installed, changed, taken back, tested and removed`, async () => {
  await helm('create', 'shop');
  assert.match(await helm('install', 'web', './shop', '--set', 'replicaCount=2', ...WAIT), /STATUS: deployed/);
  const [listed] = JSON.parse(await helm('list', '-o', 'json'));
  assert.deepEqual([listed.name, listed.namespace, listed.revision, listed.status], ['web', 'default', '1', 'deployed']);
  assert.match(await helm('get', 'manifest', 'web'), /kind: Deployment/);
  assert.match(await helm('get', 'values', 'web'), /replicaCount: 2/);

  await helm('upgrade', 'web', './shop', '--set', 'replicaCount=3,ingress.enabled=true', ...WAIT);
  await helm('rollback', 'web', '1', ...WAIT);
  assert.deepEqual(await revisions('web'), ['superseded: Install complete', 'superseded: Upgrade complete', 'deployed: Rollback to 1']);
  assert.match(await helm('test', 'web', '--timeout', '120s'), /Phase: +Succeeded/);

  // What the API server refuses, Helm tells.
  await assert.rejects(helm('upgrade', 'web', './shop', '--set', 'service.port=0'), /spec\.ports\[0\]\.port: Invalid value: 0/);
  assert.match((await revisions('web')).at(-1), /^failed: Upgrade "web" failed/);
  await helm('upgrade', '--install', 'web', './shop', ...WAIT);

  await helm('upgrade', '--install', 'other', './shop', '--namespace', 'elsewhere', '--create-namespace', ...WAIT);
  assert.deepEqual(JSON.parse(await helm('list', '-A', '-o', 'json')).map(({ name, namespace }) => `${namespace}/${name}`).sort(), ['default/web', 'elsewhere/other']);
  await helm('uninstall', 'other', '--namespace', 'elsewhere', ...WAIT);
  await helm('uninstall', 'web', ...WAIT);
  assert.deepEqual(JSON.parse(await helm('list', '-A', '-o', 'json')), []);
});
