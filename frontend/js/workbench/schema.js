// The schemas that the cluster serves, custom resources too: OpenAPI documents, asked of the API server a group at a time.

import { defined } from "./defined.js";
import { defaultOf, usualOf } from "./facts.js";
import { kubectl, parsed } from "./line.js";

/** How long what is served is believed, in milliseconds: somebody may define kinds meanwhile. */
const FRESH_MS = 3000;
const asked = new Map();
/** What was asked a moment ago is not asked again. */
export const once = (key, ask) => {
  const known = asked.get(key);
  if (known && Date.now() - known.at < FRESH_MS) return known.value;
  const value = ask(known);
  asked.set(key, { at: Date.now(), value });
  return value;
};

/** What is served has changed. */
export const forget = () => asked.clear();

/** Every kind that is served: `{kind, apiVersion, plural, short, namespaced}`. */
export const kinds = () => once("kinds", async () => {
  const { stdout } = await kubectl(["api-resources"]);
  const [head = "", ...rows] = stdout.trimEnd().split("\n");
  const starts = ["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND"].map((name) => head.indexOf(name));
  return rows.map((row) => {
    const [plural, short, apiVersion, namespaced, kind] = starts.map((from, index) => row.slice(from, starts[index + 1]).trim());
    return { plural, short: short.split(",").filter(Boolean), apiVersion, namespaced: namespaced === "true", kind };
  });
});

/** These, and those that the open text defines. */
export async function allKinds() {
  const served = await kinds();
  return [...served, ...defined().filter(({ kind, apiVersion }) => !served.some((one) => one.kind === kind && one.apiVersion === apiVersion))];
}

/** Names of objects of a kind (its plural), in a namespace where that matters. */
export const namesOf = (plural, namespace) => once(`names ${plural} ${namespace ?? ""}`, async () => {
  const { stdout } = await kubectl(["get", plural, "-o", "name", ...(namespace ? ["-n", namespace] : [])]);
  return stdout.split("\n").filter(Boolean).map((name) => name.split("/").pop());
});

const index = () => once("index", async () => parsed((await kubectl(["get", "--raw", "/openapi/v3"])).stdout)?.paths ?? {});

const documents = new Map();
async function documentOf(apiVersion) {
  const path = apiVersion.includes("/") ? `apis/${apiVersion}` : `api/${apiVersion}`;
  const url = (await index())[path]?.serverRelativeURL;
  if (!url) return undefined;
  if (documents.get(path)?.url !== url) {
    const found = parsed((await kubectl(["get", "--raw", url.split("?")[0]])).stdout);
    if (found) documents.set(path, { url, found });
  }
  return documents.get(path)?.found;
}

/** A schema in its document, with the name of its type. */
class Node {
  constructor(document, schema, type = "") {
    const reference = schema.$ref ?? schema.allOf?.[0]?.$ref;
    const name = reference?.split("/").pop();
    this.document = document;
    this.schema = name ? { ...document.components.schemas[name], description: schema.description } : schema;
    /** `v1.PodSpec`, as the field docs call it; empty for what has no name. */
    this.full = name ? name.split(".").slice(-2).join(".") : type;
    this.type = this.full.split(".").pop();
    this.own = name && document.components.schemas[name]?.description;
  }

  get fields() {
    return Object.keys(this.schema.properties ?? {});
  }

  get required() {
    return this.schema.required ?? [];
  }

  get isList() {
    return this.schema.type === "array";
  }

  get isObject() {
    return Boolean(this.schema.properties) || this.schema.type === "object";
  }

  /** What stands below a key, or below an item of a list. */
  below(step) {
    if (step === ITEM) return this.schema.items && new Node(this.document, this.schema.items);
    const field = this.schema.properties?.[step];
    if (field) return new Node(this.document, field);
    const any = this.schema.additionalProperties;
    return any && typeof any === "object" ? new Node(this.document, any) : undefined;
  }

  /** The type in the words of `kubectl explain`. */
  get word() {
    const { schema } = this;
    if (schema.type === "array") return `[]${this.below(ITEM)?.word ?? "Object"}`;
    if (schema.oneOf) return this.type;
    if (schema.properties) return this.type || "Object";
    if (typeof schema.additionalProperties === "object") return `map[string]${new Node(this.document, schema.additionalProperties).word}`;
    if (schema.type === "object") return "Object";
    return this.type || schema.type || "any";
  }
}

/** An item of a list, in a path. */
export const ITEM = "[]";

/** The schema of a kind that the open text defines, with what all objects have: as a served one says. */
async function written(apiVersion, kind) {
  const found = defined().find((one) => one.kind === kind && one.apiVersion === apiVersion);
  const like = found && await schemaOf("v1", "Namespace");
  if (!like) return undefined;
  const { apiVersion: version, kind: word, metadata } = like.schema.properties;
  return new Node(like.document, { ...found.schema, properties: { ...found.schema.properties, apiVersion: version, kind: word, metadata } }, kind);
}

/** The schema of a kind; `undefined` when nobody serves it. What the open text says of it is newer. */
export async function schemaOf(apiVersion, kind) {
  const own = await written(apiVersion, kind);
  if (own) return own;
  const document = apiVersion && kind ? await documentOf(apiVersion) : undefined;
  const [group, version] = apiVersion?.includes("/") ? apiVersion.split("/") : ["", apiVersion];
  const isIt = ([, schema]) => schema["x-kubernetes-group-version-kind"]?.some(
    (one) => one.kind === kind && one.group === group && one.version === version);
  const found = Object.entries(document?.components?.schemas ?? {}).find(isIt);
  return found && new Node(document, found[1], found[0].split(".").slice(-2).join("."));
}

/** The schema at a path below a kind's own. */
export function at(root, path) {
  return path.reduce((node, step) => node?.below(step), root);
}

/** Values that a field takes, by the schema of its owner. */
export function valuesAt(owner, field) {
  const own = owner.below(field);
  const listed = own?.schema.enum ?? own?.below(ITEM)?.schema.enum;
  if (listed) return listed.map(String).filter(Boolean);
  if (own?.schema.type === "boolean") return ["true", "false"];
  return usualOf(owner.type, field);
}

/** What the API server fills in. */
export function defaultAt(owner, field) {
  const own = owner.below(field)?.schema.default;
  return own === undefined ? defaultOf(owner.type, field) : JSON.stringify(own);
}

let loading;
/** Whether the API itself has these words, and not somebody's definition. */
export const isBuiltIn = (apiVersion = "v1") => !apiVersion.includes("/") || /^(apps|autoscaling|batch|policy|[\w.-]+\.k8s\.io)\//.test(apiVersion);

/** What a type (`""`) or its field is for: the schema's own words, or those of the file that the page has for that. */
export async function says(node, field) {
  const own = field ? node.below(field)?.schema.description : node.own ?? node.schema.description;
  if (own) return own;
  loading ??= fetch(document.querySelector("meta[name='asset:fields']").content)
    .then((answer) => (answer.ok ? answer.json() : {}), () => ({}));
  return (await loading)[node.full]?.[field ?? ""] ?? "";
}
