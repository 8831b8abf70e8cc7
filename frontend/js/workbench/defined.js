// Kinds that the open text itself defines: known before anybody serves them.

import { valuesOf } from "./reading.js";

let textOf = () => undefined;
let known = { found: [] };

/** `text()` is what is open in the editor: a document of CodeMirror's. */
export function readFrom(text) {
  textOf = text;
}

const definitions = (text) => text.split(/^---.*$/m).filter((piece) => /\bkind["']?: *["']?CustomResourceDefinition\b/.test(piece))
  // What is being written can often not be read: then it defines nothing yet.
  .flatMap((piece) => valuesOf(piece) ?? []).flatMap((one) => (Array.isArray(one?.items) ? one.items : [one]))
  .filter((one) => one?.kind === "CustomResourceDefinition" && one.spec?.group && one.spec.names?.kind && Array.isArray(one.spec.versions));

/** These kinds: `{kind, apiVersion, plural, short, namespaced, schema}`. */
export function defined() {
  const doc = textOf();
  if (doc === known.doc) return known.found;
  const found = definitions(doc.toString()).flatMap(({ spec: { group, scope, names, versions } }) => versions.filter((version) => version?.name).map((version) => ({
    kind: names.kind, apiVersion: `${group}/${version.name}`, plural: names.plural ?? names.kind.toLowerCase(), short: names.shortNames ?? [],
    namespaced: scope !== "Cluster", schema: version.schema?.openAPIV3Schema ?? { type: "object" },
  })));
  known = { doc, found };
  return found;
}
