// Other people's clients against a cluster: `node run.mjs PROGRAM COMMAND…` serves one with the built program, gives the
// command its KUBECONFIG, and in RESTART an address: who posts to it has the server killed and started again.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const SCENARIO = `
apiVersion: kubarium.dev/v1alpha1
kind: Scenario
metadata: {name: clients}
spec:
  opening: 30s
  cluster:
    nodes: [{count: 3}]
    addons: [coredns, kube-proxy, metrics-server]
`;

const [program, command, ...words] = process.argv.slice(2);
const directory = mkdtempSync(join(tmpdir(), 'clients-'));
let server;

async function serve(listen) {
  server = spawn(program, ['serve', '--listen', listen, '--data', join(directory, 'data')], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, RUST_LOG: process.env.RUST_LOG ?? 'off' },
  });
  const [line] = await once(createInterface({ input: server.stdout }), 'line');
  return line.split('://')[1];
}

async function restart() {
  const ended = once(server, 'exit');
  server.kill('SIGKILL');
  await ended;
  await serve(address);
}

let address = await serve('127.0.0.1:0');
const answer = await fetch(`http://${address}/api/v1/sessions`, { method: 'POST', body: SCENARIO });
const { kubernetes } = await answer.json();
const config = {
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [{ name: 'cluster', cluster: { server: kubernetes.server, 'insecure-skip-tls-verify': true } }],
  users: [{ name: 'user', user: { token: kubernetes.token } }],
  contexts: [{ name: 'cluster', context: { cluster: 'cluster', user: 'user', namespace: 'default' } }],
  'current-context': 'cluster',
};
const kubeconfig = join(directory, 'config');
writeFileSync(kubeconfig, JSON.stringify(config));

const control = createServer(async (request, response) => {
  await restart();
  response.end('started');
}).listen(0, '127.0.0.1');
await once(control, 'listening');
const client = spawn(command, words, {
  stdio: 'inherit',
  env: { ...process.env, KUBECONFIG: kubeconfig, RESTART: `http://127.0.0.1:${control.address().port}` },
});
const [code] = await once(client, 'exit');
control.close();
control.closeAllConnections();
server.kill('SIGKILL');
rmSync(directory, { recursive: true });
process.exit(code ?? 1);
