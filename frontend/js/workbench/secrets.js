// Whose Secrets' values a link carries: it holds all that was done to the cluster.

import { parsed } from "./line.js";

const FIELDS = ["data", "stringData"];
const hasValues = (object) => FIELDS.some((field) => Object.values(object?.[field] ?? {}).some((value) => value !== "" && value !== null));

/** Names of the Secrets with values among objects, those in lists too. */
const among = (object) => (Array.isArray(object?.items) ? object.items.flatMap(among)
  : object?.kind === "Secret" && hasValues(object) ? [object.metadata?.name ?? "?"] : []);

/** What stands below a key: its lines that are indented deeper, or its braces. */
function below(piece, key) {
  const found = piece.match(new RegExp(`^([ -]*)["']?${key}["']?:(.*)$`, "m")) ?? piece.match(new RegExp(`([{,] *)["']?${key}["']?:(.*)$`, "m"));
  if (!found) return "";
  const [, { length }, rest] = found;
  if (rest.trim().startsWith("{")) return rest.match(/\{[^}]*/)[0];
  const lines = piece.slice(found.index + found[0].length + 1).split("\n");
  const end = lines.findIndex((line) => line.trim() && line.search(/\S/) <= length);
  return lines.slice(0, end < 0 ? lines.length : end).join("\n");
}

/** An object's name: not one among its labels. */
function nameIn(piece) {
  const metadata = below(piece, "metadata");
  const column = Math.max(metadata.search(/\S/), 0);
  return metadata.match(new RegExp(`^ {${column}}["']?name["']?: *["']?([\\w.-]+)`, "m"))?.[1] ?? metadata.match(/[{,] *["']?name["']?: *["']?([\w.-]+)/)?.[1] ?? "?";
}

/** The same of YAML, by its looks: a document that cannot be read whole has values all the same. */
function inYaml(text) {
  const pieces = text.split(/^---.*$|^(?= *- +["']?(?:apiVersion|kind|metadata)["']?:)/m);
  const secrets = pieces.filter((piece) => /(^|[{,])[ -]*["']?kind["']?: *["']?Secret["']?\s*(#.*)?($|[,}])/m.test(piece)
    && FIELDS.some((field) => /: *(?!["']{2} *([,\n}]|$))["'\w|>+/]/.test(below(piece, field))));
  return secrets.map(nameIn);
}

function inStep({ apply, kubectl, request }) {
  if (apply) return parsed(apply) ? among(parsed(apply)) : inYaml(apply);
  if (request) {
    const name = request.path?.match(/\/secrets(?:\/([\w.-]+))?(?:$|\?)/);
    const body = name && parsed(request.body ?? "");
    return body && hasValues(body) ? [name[1] ?? body.metadata?.name ?? "?"] : [];
  }
  const made = kubectl?.match(/\bcreate\s+secret\s+\S+\s+(.*)/);
  return made && /--(from-literal|docker-password)\b/.test(kubectl) ? [made[1].split(/\s+/).find((word) => !word.startsWith("-")) ?? "?"] : [];
}

/** The names of those whose values a scenario (JSON) carries. */
export const secretsOf = (scenario) => [...new Set((parsed(scenario)?.spec?.steps ?? []).flatMap(inStep))];

/** How many names stand in a sentence. */
const MOST_NAMES = 5;

/**
 * What stands below a link of a cluster with Secrets: their values are left empty in it, unless somebody wants them along.
 * `leave(empty)` asks for the other link.
 */
export function tick({ element, say }, names, leave) {
  const listed = names.slice(0, MOST_NAMES).join(", ") + (names.length > MOST_NAMES ? " …" : "");
  const warning = element("p", { role: "alert", hidden: true }, say("carries", { names: listed }));
  const box = element("input", { type: "checkbox", checked: true, onchange: () => {
    warning.hidden = box.checked;
    leave(box.checked);
  } });
  return [element("label", {}, box, element("span", {}, say("leave_empty", { names: listed }))), warning];
}
