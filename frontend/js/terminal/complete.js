// What Tab makes of the line that is typed: verbs, kinds, names, flags and their values, files.

/** Flags whose value is the next word. */
const GIVEN = /^(-[ncolf]|--(namespace|container|output|selector|filename|image|field-selector|sort-by|context|user))$/;
const FORMATS = ["json", "yaml", "kyaml", "name", "wide", "jsonpath=", "jsonpath-as-json=", "custom-columns=", "go-template="];
/** Verbs that are about pods, and those about nodes, unless somebody says otherwise. */
const [OF_PODS, OF_NODES] = [/^(logs|exec|attach|port-forward|debug)$/, /^(cordon|uncordon|drain)$/];
/** The second word of a verb that has several programs, and the third. */
const PARTS = {
  apply: ["edit-last-applied", "set-last-applied", "view-last-applied"], auth: ["can-i", "reconcile", "whoami"], certificate: ["approve", "deny"],
  config: ["current-context", "delete-cluster", "delete-context", "delete-user", "get-clusters", "get-contexts", "get-users", "rename-context", "set", "set-cluster",
    "set-context", "set-credentials", "unset", "use-context", "view"],
  create: ["clusterrole", "clusterrolebinding", "configmap", "cronjob", "deployment", "ingress", "job", "namespace", "poddisruptionbudget", "priorityclass", "quota", "role",
    "rolebinding", "secret", "service", "serviceaccount", "token"],
  rollout: ["history", "pause", "restart", "resume", "status", "undo"], set: ["env", "image", "resources", "selector", "serviceaccount", "subject"], top: ["node", "pod"],
};
const OF_CREATE = { secret: ["docker-registry", "generic", "tls"], service: ["clusterip", "externalname", "loadbalancer", "nodeport"] };
/** Words of which the next is the name of one. */
const NAMED = { approve: "csr", deny: "csr", node: "nodes", pod: "pods" };
/** What `rollout` is for. */
const ROLLED = ["daemonsets", "deployments", "statefulsets"];
const CONTAINERS = "jsonpath={.spec.initContainers[*].name} {.spec.containers[*].name} {.spec.template.spec.containers[*].name}";
const LABELS = 'jsonpath={range .items[*]}{.metadata.labels}{"\\n"}{end}';

/**
 * Completes what stands before the cursor: `{from, words}`. `collect(args)` resolves to what kubectl prints, `verbs()` to its verbs, each with
 * its flags; `shell` has the names of programs and filters, `files()` are those of the editor.
 */
export function completer({ collect, verbs, shell, files }) {
  let kinds = [];
  /** All kinds; somebody may have defined one that begins so since they were looked for. */
  const plurals = async (last) => {
    if (!kinds.some((kind) => kind.startsWith(last))) {
      kinds = (await collect(["api-resources", "-o", "name"])).split("\n").filter(Boolean).map((kind) => kind.split(".")[0]);
    }
    return kinds;
  };
  const names = async (kind, place) => (await collect(["get", kind, "-o", "name", ...place])).split("\n").filter(Boolean).map((name) => name.split("/").pop());
  const labels = async (kind, place) => (await collect(["get", kind, "-o", LABELS, ...place])).split("\n").filter((line) => line.startsWith("{"))
    .flatMap((line) => Object.entries(JSON.parse(line)).map(([key, value]) => `${key}=${value}`));
  const containers = async (of, place) => (of ? (await collect(["get", of.includes("/") ? of : `pod/${of}`, "-o", CONTAINERS, ...place])).split(/\s+/).filter(Boolean) : []);

  /** The values of a flag; `undefined` for one that has none. */
  const valuesOf = (flag, [verb = "", ...said], place) => {
    if (/^(-n|--namespace)$/.test(flag)) return names("namespaces", []);
    if (/^(-f|--filename)$/.test(flag)) return verb === "logs" && flag === "-f" ? undefined : files();
    if (/^(-o|--output)$/.test(flag)) return FORMATS;
    if (/^(-l|--selector)$/.test(flag)) return labels(said[0] && !said[0].includes("/") ? said[0] : OF_NODES.test(verb) ? "nodes" : "pods", place);
    if (/^(-c|--container)$/.test(flag)) return containers(said.find((word) => word.includes("/")) ?? (OF_PODS.test(verb) ? said[0] : undefined), place);
    return GIVEN.test(flag) ? [] : undefined;
  };
  /** What may stand behind these words. */
  const follows = async ([verb, ...said], last, place) => {
    const [kind, name] = last.split("/");
    if (name !== undefined) return (await names(kind, place)).map((found) => `${kind}/${found}`);
    if (OF_PODS.test(verb)) return said.length ? [] : names("pods", place);
    if (OF_NODES.test(verb)) return names("nodes", []);
    if (verb === "create" && said.length === 1 && OF_CREATE[said[0]]) return OF_CREATE[said[0]];
    if (PARTS[verb] && !said.length) return PARTS[verb];
    if (PARTS[verb]?.includes(said[0]) && Object.hasOwn(NAMED, said[0])) return names(NAMED[said[0]], said[0] === "pod" ? place : []);
    if (verb === "config" && said[0].endsWith("-context")) return (await collect(["config", "get-contexts", "-o", "name"])).split("\n");
    if (verb === "auth") return said.length === 2 ? plurals(last) : [];
    if (verb === "config" || verb === "create") return [];
    const rest = PARTS[verb] ? said.slice(1) : said;
    if (!rest.length) return verb === "rollout" ? ROLLED : plurals(last);
    // Whoever wrote `kind/name` cannot go on with a name alone.
    return rest[0].includes("/") ? [] : names(rest[0], place);
  };

  return async (before) => {
    const part = before.split(/[|;&(]/).pop().replace(/^\s*(do|then|else|elif|if|while|until|!|watch)\s+/, "");
    const typed = part.split(/\s+/).filter((word, index, all) => word || index === all.length - 1);
    let [flag = "", last = ""] = [typed.at(-2), typed.at(-1)];
    // `--namespace=kube-` is a flag and its value, too.
    const [, joined, value] = last.match(/^(--[\w-]+)=(.*)$/) ?? [];
    if (joined) [flag, last] = [joined, value];
    const from = Array.from(before).length - Array.from(last).length;
    const matching = (list) => ({ from, words: [...new Set(list)].filter((word) => word.startsWith(last)).sort() });
    if (typed.length <= 1) return matching(/\|[^;&(]*$/.test(before) ? shell.filters() : shell.names());
    if (/[<>]\s*\S*$/.test(part) || (typed[0] !== "kubectl" && typed[0] !== "k")) return matching(files());
    const known = await verbs();
    // Words that are no flags, nor what those are given: only `logs -f` takes nothing.
    const isGiven = (flag = "") => GIVEN.test(flag) && !(flag === "-f" && typed.includes("logs"));
    const bare = typed.slice(1, -1).filter((word, index, all) => !word.startsWith("-") && !isGiven(all[index - 1]));
    const namespaceAt = typed.findIndex((word) => word === "-n" || word === "--namespace");
    const place = typed.some((word) => word === "-A" || word === "--all-namespaces") ? ["-A"]
      : namespaceAt > 0 && typed[namespaceAt + 1] ? ["-n", typed[namespaceAt + 1]] : typed.filter((word) => /^--namespace=./.test(word));
    const values = await valuesOf(flag, bare, place);
    if (values || joined) return matching(values ?? []);
    const [verb] = bare;
    // Flags before the verb are those that all verbs have.
    if (!verb && last.startsWith("-")) return matching(known[0][1].filter((one) => known.every(([, flags]) => flags.includes(one))));
    if (!verb) return matching(known.map(([name]) => name));
    if (last.startsWith("-")) return matching(known.find(([name]) => name === verb)?.[1] ?? []);
    return matching(await follows(bare, last, place));
  };
}
