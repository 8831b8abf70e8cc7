// Writes backend/src/kube_api/protobuf/messages.txt: how Kubernetes numbers the fields of its types on the wire.
//
//     node scripts/protobuf.mjs DIRECTORY > backend/src/kube_api/protobuf/messages.txt
//
// DIRECTORY has the Go modules `api`, `apimachinery` and `apiextensions-apiserver` of k8s.io side by side. Only facts are
// taken from their types: names, numbers, and whether "nothing" and "zero" differ.
import { readFileSync, readdirSync, existsSync } from 'node:fs';
import { join } from 'node:path';

const root = process.argv[2];
const SERVED = {
  core: ['v1'], apps: ['v1'], batch: ['v1'], autoscaling: ['v1', 'v2'], policy: ['v1'], rbac: ['v1'],
  networking: ['v1'], discovery: ['v1'], events: ['v1'], coordination: ['v1'], scheduling: ['v1'], storage: ['v1'],
  node: ['v1'], authentication: ['v1'], authorization: ['v1'], certificates: ['v1'], admissionregistration: ['v1'],
  flowcontrol: ['v1'], resource: ['v1'],
};
const packages = [['meta.v1', join(root, 'apimachinery/pkg/apis/meta/v1')],
  ['apiextensions.v1', join(root, 'apiextensions-apiserver/pkg/apis/apiextensions/v1')]];
for (const [group, versions] of Object.entries(SERVED)) {
  for (const version of versions) packages.push([`${group}.${version}`, join(root, 'api', group, version)]);
}
const OWN = new Map(packages.map(([name, path]) => [path.slice(root.length).replace(/^\/?/, 'k8s.io/'), name]));

const types = new Map();
const plain = new Map();
/** Named lists that are messages of their own, since to them "nothing" and "empty" differ. */
const nullable = new Set();
for (const [name, path] of packages) {
  const files = readdirSync(path).filter((file) => /^(types.*|micro_time|duration|fields.*)\.go$/.test(file));
  for (const file of files) read(name, readFileSync(join(path, file), 'utf8'));
}

function read(name, text) {
  const imports = new Map();
  for (const [, alias, path] of text.matchAll(/^\s+(\w+ )?"(k8s\.io\/[^"]+)"$/gm)) {
    imports.set((alias ?? path.split('/').pop()).trim(), path);
  }
  for (const [, type, of] of text.matchAll(/^type (\w+) (=? ?[\w.[\]*]+)$/gm)) plain.set(`${name}.${type}`, of.replace(/^= /, ''));
  for (const [, type] of text.matchAll(/^\/\/ \+protobuf\.nullable=true\n(?:\/\/.*\n|\n)*type (\w+) \[\]/gm)) nullable.add(`${name}.${type}`);
  for (const [, type] of text.matchAll(/^type (\w+) struct ?\{\}$/gm)) types.set(`${name}.${type}`, { fields: [], imports });
  for (const [, type, body] of text.matchAll(/^type (\w+) struct \{\n(.*?)^\}/gms)) {
    const fields = [];
    for (const line of body.split('\n')) {
      const found = line.match(/^\s+(?:(\w+)\s+)?([\w.*[\]]+)\s+`(.*)`/);
      const wire = found?.[3].match(/protobuf:"\w+,(\d+),(?:[^"]*,)?name=(\w+)/);
      if (!wire) continue;
      // What has no name in JSON is one of several forms that a value may have there.
      const json = found[3].match(/json:"([^"]*)"/);
      const [named, ...flags] = (json?.[1] ?? wire[2]).split(',');
      fields.push({ json: named, inline: flags.includes('inline') || named === '', go: found[2], number: wire[1] });
    }
    types.set(`${name}.${type}`, { fields, imports });
  }
}

const SCALARS = { string: 's', bool: 'b', int32: 'i', int64: 'i', int: 'i', uint32: 'i', uint8: 'i', uint64: 'i', float64: 'd' };
const SPECIAL = {
  'metav1.Time': 'Time', 'metav1.MicroTime': 'MicroTime', 'metav1.Duration': 'Duration', 'metav1.FieldsV1': 'FieldsV1',
  'resource.Quantity': 'Quantity', 'intstr.IntOrString': 'IntOrString', 'runtime.RawExtension': 'RawExtension',
  'runtime.Object': 'RawExtension', 'types.UID': 's', 'types.NodeName': 's', 'types.NamespacedName': 's',
};

/** The wire's type of a Go type, seen from package `name`. */
function resolve(name, imports, go) {
  if (SCALARS[go]) return SCALARS[go];
  const meta = [...imports].find(([, path]) => path.endsWith('apis/meta/v1'))?.[0];
  const spelled = meta && go.startsWith(`${meta}.`) ? `metav1.${go.slice(meta.length + 1)}` : name === 'meta.v1' && !go.includes('.') ? `metav1.${go}` : go;
  if (SPECIAL[spelled]) return SPECIAL[spelled];
  let full = `${name}.${go}`;
  if (go.includes('.')) {
    const [alias, type] = go.split('.');
    const of = OWN.get(imports.get(alias));
    if (!of) return undefined;
    full = `${of}.${type}`;
  }
  if (types.has(full)) return full;
  const of = plain.get(full);
  if (!of) return full.endsWith('.JSON') ? full : undefined;
  if (of.startsWith('[]')) return `items:${resolve(full.split('.').slice(0, 2).join('.'), imports, of.slice(2))}`;
  return resolve(full.split('.').slice(0, 2).join('.'), imports, of);
}

/** A named map is a map, and most named lists are lists. */
function expand(name, go) {
  const of = plain.get(`${name}.${go}`) ?? (/^\w+\.ResourceList$/.test(go) ? plain.get('core.v1.ResourceList') : undefined);
  return of?.startsWith('map[') || (of?.startsWith('[]') && !nullable.has(`${name}.${go}`)) ? of : go;
}

const wanted = [...types.keys()].filter((name) => !name.startsWith('meta.v1.')).concat(
  ['ObjectMeta', 'DeleteOptions', 'CreateOptions', 'Status', 'PartialObjectMetadata', 'PartialObjectMetadataList',
    'APIVersions', 'APIGroupList', 'APIGroup', 'APIResourceList'].map((name) => `meta.v1.${name}`));
const lines = new Map();
while (wanted.length > 0) {
  const name = wanted.pop();
  if (lines.has(name) || !types.has(name)) continue;
  const { fields, imports } = types.get(name);
  const own = name.split('.').slice(0, 2).join('.');
  const words = fields.flatMap(({ json, inline, go: written, number }) => {
    const pointer = written.startsWith('*') ? '?' : '';
    const go = expand(own, written);
    const map = go.match(/^map\[[\w.]+\](.*)$/);
    const bytes = go === '[]byte';
    const list = go.startsWith('[]') && !bytes ? '*' : '';
    const bare = map ? map[1] : go.replace(/^\*|^\[\]/, '').replace(/^\*/, '');
    let type;
    if (bytes || (map && map[1] === '[]byte')) type = 'y';
    else if (map && map[1].startsWith('[]')) type = `items:${resolve(own, imports, map[1].slice(2))}`;
    else type = resolve(own, imports, bare);
    if (type === undefined) {
      console.error(`left out: ${name}.${json}, of type ${go}`);
      return [];
    }
    for (const part of [type, type.replace(/^items:/, '')]) if (types.has(part)) wanted.push(part);
    return [`${inline ? '+' : json}=${number}${map ? '%' : list}${pointer}${type}`];
  });
  lines.set(name, words.join(' '));
}
process.stdout.write('# Message, then field=number and type: * list, % map, ? pointer, + inline; s text, b bool, i integer, d double, y bytes.\n');
process.stdout.write('# Made by scripts/protobuf.mjs.\n');
for (const name of [...lines.keys()].sort()) process.stdout.write(`${name} ${lines.get(name)}\n`);
