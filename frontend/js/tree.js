// The cluster as a tree, for the keyboard and those who hear it, and what happens as a live log below.

import { objects } from "./workbench/line.js";
import { ask, clock, follow, h, language, t } from "./stage/base.js";

/** Lines of the log that are kept. */
const LOG = 60;
/** Children of one item that are listed at once; then as many more. */
const PAGE = 100;
/** Programs of the control plane that have members beside those of etcd, in the worker's order. */
const PROGRAMS = ["kube-apiserver", "kube-scheduler", "kube-controller-manager"];

const { engine } = window.kubarium;
const where = (namespace) => (namespace === "default" || !namespace ? "" : `${namespace}/`);

/** What is in the tree: items with `id`, `name`, `says`, `of` (kind, namespace, name), `place` (whose faults the menu key offers) and `inside`. */
export function itemsOf({ nodes, pods, workloads, services, components, systems }, extra, { ingresses, sources } = { ingresses: [], sources: [] }) {
  const sorted = (list) => [...list].sort((a, b) => (a.namespace ?? "").localeCompare(b.namespace ?? "") || a.name.localeCompare(b.name, "en", { numeric: true }));
  const container = (pod) => ({ name, image, ready, running, restarts }) => ({
    id: `${pod.uid}/${name}`, name, says: [image, t(ready ? "is_ready" : running ? "is_running" : "is_waiting"), restarts && t("restarts", { count: restarts })].filter(Boolean).join(", "), of: ["Pod", pod.namespace, pod.name],
  });
  const podItem = (prefix) => (pod) => ({
    id: `${prefix}pod/${pod.uid}`, place: `pod/${pod.uid}`, name: `${where(pod.namespace)}${pod.name}`, says: [pod.status, `${pod.ready[0]}/${pod.ready[1]}`, pod.restarts && t("restarts", { count: pod.restarts })].filter(Boolean).join(", "),
    of: ["Pod", pod.namespace, pod.name], inside: prefix ? undefined : pod.containers.map(container(pod)),
  });
  const state = (node) => (!node.power ? t("no_power") : node.ready === "True" ? (node.cordoned ? "Ready, SchedulingDisabled" : "Ready") : node.ready ? "NotReady" : t("joins"));
  const nodeItem = (node) => {
    const here = sorted(pods.set.filter((pod) => pod.node === node.name));
    const agents = [["kubelet", node.kubelet], ["kube-proxy", node.kubeProxy], ["containerd", node.runtime]].map(([name, up]) => ({ id: `${name}@${node.name}`, place: `${name}@${node.name}`, name, says: t(up ? "is_running" : "is_stopped"), of: ["", "", `${name}@${node.name}`] }));
    return { id: `node/${node.name}`, place: `node/${node.name}`, name: node.name, says: `${state(node)}, ${t("pod_count", { count: here.length })}${node.taints.length ? `, ${node.taints.join(", ")}` : ""}`, of: ["Node", "", node.name], inside: [...agents, ...here.map(podItem(""))] };
  };
  const zones = [...new Set(nodes.set.map((node) => node.zone))].sort();
  const inZone = (zone) => sorted(nodes.set.filter((node) => node.zone === zone)).map(nodeItem);
  const loose = sorted(pods.set.filter((pod) => !pod.node)).map(podItem(""));
  const group = (id, name, inside) => ({ id, name, says: String(inside.length), inside });
  const broken = systems?.faults ?? [];
  const members = systems?.members ?? [];
  /** The members of a program of the control plane, each with what it does for the others. */
  const membersOf = (program) => members.map((member) => {
    const index = PROGRAMS.indexOf(program);
    const place = index < 0 ? `${program}/${member.number}` : member.number ? `${program}-${member.number}` : program;
    const up = index < 0 ? member.etcd : member.programs[index];
    const leads = up && (index < 0 ? member.role === "leader" : member.leads[index - 1]);
    const says = [t(up ? "is_running" : "is_stopped"), leads && t("leads"), index < 0 && t("term", { term: member.term })];
    return { id: `member/${place}`, place, name: place, says: says.filter(Boolean).join(", "), of: ["", "", place] };
  });
  return [
    group("control", t("control_plane"), components.set.map(({ place, up, queue }) => ({ id: place, place, name: place, says: [t(up ? "is_running" : "is_stopped"), queue && t("in_queue", { count: queue })].filter(Boolean).join(", "), of: ["", "", place], inside: members.length ? membersOf(place) : undefined }))),
    extra ?? group("nodes", t("nodes"), zones.length > 1 ? zones.map((zone) => ({ ...group(`zone/${zone}`, t("zone", { name: zone }), inZone(zone)), place: `zone/${zone}` })) : inZone(zones[0])),
    ...(loose.length ? [group("loose", t("without_node"), loose)] : []),
    group("workloads", t("workloads"), sorted(workloads.set).map((one) => ({
      id: one.uid, place: `workload/${one.namespace}/${one.name}/${one.uid}`, name: `${one.kind} ${where(one.namespace)}${one.name}`, says: t("of", { part: one.available, all: one.wanted }), of: [one.kind, one.namespace, one.name],
      inside: sorted(pods.set.filter((pod) => pod.workload === one.uid)).map(podItem(`${one.uid}/`)),
    }))),
    group("services", t("services"), sorted(services.set).map((one) => ({
      id: one.uid, name: `${where(one.namespace)}${one.name}`, says: [one.kind, one.address, t("behind", { count: one.count })].filter(Boolean).join(", "), of: ["Service", one.namespace, one.name],
      inside: sorted(pods.set.filter((pod) => one.endpoints.includes(pod.uid))).map(podItem(`${one.uid}/`)),
    }))),
    ...(ingresses.length ? [group("ingresses", "Ingress", ingresses.map(({ namespace, name, hosts, rules }) => ({
      id: `ingress/${namespace}/${name}`, name: `${where(namespace)}${name}`, says: hosts, of: ["Ingress", namespace, name],
      inside: rules.map(({ host, path, service }, index) => ({ id: `ingress/${namespace}/${name}/${index}`, name: `${host ?? "*"}${path ?? "/"}`, says: service, of: ["Service", namespace, service] })),
    })))] : []),
    ...(sources.length ? [group("sources", t("sources"), sources.map(({ name, from, to, rate, ok, failed }) => ({
      id: `source/${name}`, name, says: `${from || t("outside")} → ${to}, ${t("source_rate", { rate })}, ${t(failed ? "source_failed" : "source_ok", { ok, failed })}`,
    })))] : []),
    ...(broken.length ? [group("broken", t("broken"), broken.map(({ target, kind }) => ({ id: `broken/${target}/${kind}`, name: target, says: kind })))] : []),
  ];
}

/** Nodes of a cluster that is drawn as a map, which no frame tells of; their pods are asked for when one is opened. */
async function farNodes(most) {
  const { nodes, count } = await ask({ ask: "far", most });
  const inside = nodes.map((node) => ({
    id: `node/${node.name}`, place: `node/${node.name}`, name: node.name, says: [node.ready ? "Ready" : "NotReady", node.cordoned && "SchedulingDisabled"].filter(Boolean).join(","), of: ["Node", "", node.name],
    later: async () => {
      const pods = await objects(["get", "pods", "-A", `--field-selector=spec.nodeName=${node.name}`]);
      const byName = ({ metadata: a }, { metadata: b }) => a.namespace.localeCompare(b.namespace) || a.name.localeCompare(b.name, "en", { numeric: true });
      return (pods?.items ?? []).sort(byName).map((pod) => ({ id: `${node.name}/${pod.metadata.uid}`, name: `${where(pod.metadata.namespace)}${pod.metadata.name}`, says: pod.status.phase, of: ["Pod", pod.metadata.namespace, pod.metadata.name] }));
    },
  }));
  return { id: "nodes", name: t("nodes"), says: String(count), inside, count };
}

export function create(element, { inspect }) {
  const says = h("p", { class: "muted", id: "tree-help" });
  const tree = h("ul", { role: "tree", class: "tree", "aria-describedby": "tree-help" });
  const log = h("ol", { class: "happenings" });
  const spoken = h("div", { role: "log", "aria-live": "polite", class: "tree-log", tabindex: "0" }, log);
  const heading = h("h3", { class: "tree-heading" });
  const none = h("p", { class: "muted" });
  element.replaceChildren(says, tree, heading, none, spoken);
  const known = new Map();
  const itemOf = new WeakMap();
  const open = new Set(["control", "nodes", "workloads"]);
  const fetched = new Map();
  const limits = new Map();
  const limit = (id) => limits.get(id) ?? PAGE;
  let focused;

  function itemFor(id) {
    if (known.has(id)) return known.get(id);
    const [name, detail, group] = [h("b", {}), h("span", {}), h("ul", { role: "group" })];
    const row = h("span", { class: "tree-row" }, h("i", { class: "tree-mark", "aria-hidden": "true" }), name, " ", detail);
    const line = h("li", { role: "treeitem", tabindex: "-1" }, row, group);
    const item = { id, line, row, name, detail, group };
    row.addEventListener("click", () => {
      focus(item);
      if (item.data.more) more(item);
      else if (item.data.inside || item.data.later) toggle(item);
    });
    row.addEventListener("dblclick", () => act(item));
    known.set(id, item);
    itemOf.set(line, item);
    return item;
  }
  function fill(list, items, level, parent, seen) {
    const all = parent?.data.count ?? items.length;
    const listed = items.slice(0, limit(parent?.id));
    const left = all - listed.length;
    if (left > 0) listed.push({ id: `${parent?.id}/more`, name: t("more_items", { count: left }), more: true });
    const lines = listed.map((data, index) => {
      const item = itemFor(data.id);
      seen.add(data.id);
      Object.assign(item, { data, parent });
      const inside = data.inside ?? fetched.get(data.id);
      const opens = data.later || inside?.length;
      if (item.name.textContent !== data.name) item.name.textContent = data.name;
      if (item.detail.textContent !== (data.says ?? "")) item.detail.textContent = data.says ?? "";
      const attributes = { "aria-level": level, "aria-posinset": index + 1, "aria-setsize": all, "aria-expanded": opens ? String(open.has(data.id)) : undefined, "data-place": data.place };
      for (const [name, value] of Object.entries(attributes)) {
        if (value === undefined) item.line.removeAttribute(name);
        else if (item.line.getAttribute(name) !== String(value)) item.line.setAttribute(name, value);
      }
      // What is closed is not even made: a cluster has many pods.
      item.group.hidden = !opens || !open.has(data.id);
      if (!item.group.hidden) fill(item.group, inside ?? [], level + 1, item, seen);
      else item.group.replaceChildren();
      return item.line;
    });
    const same = lines.length === list.children.length && lines.every((line, index) => list.children[index] === line);
    if (!same) {
      const had = document.activeElement;
      list.replaceChildren(...lines);
      if (had !== document.activeElement && tree.contains(had)) had.focus();
    }
  }
  let shown = [];
  function draw() {
    const seen = new Set();
    fill(tree, shown, 1, undefined, seen);
    for (const id of known.keys()) if (!seen.has(id)) known.delete(id);
    if (!focused || !known.has(focused.id)) {
      const lost = focused && document.activeElement === document.body;
      focus(known.get(shown[0]?.id), Boolean(lost));
    }
  }
  async function toggle(item, wanted = !open.has(item.id)) {
    if (wanted) open.add(item.id);
    else open.delete(item.id);
    if (wanted && item.data.later) fetched.set(item.id, await item.data.later());
    draw();
  }
  /** The next ones in the place of the line that says how many there are. */
  async function more({ parent, line }) {
    const before = [...line.parentElement.children].indexOf(line);
    limits.set(parent.id, limit(parent.id) + PAGE);
    if (parent.data.count === undefined) draw();
    else await look();
    const next = parent.group.children[before];
    focus(itemOf.get(next));
  }
  function focus(item, really = true) {
    if (!item) return;
    focused?.line.setAttribute("tabindex", "-1");
    focused = item;
    item.line.setAttribute("tabindex", "0");
    if (really) item.line.focus({ preventScroll: false });
  }
  const act = (item) => item.data.of && inspect(...item.data.of);
  const visible = () => [...tree.querySelectorAll("[role=treeitem]")].map((line) => itemOf.get(line));
  // Those who hear the page go where they want.
  tree.addEventListener("focusin", ({ target }) => itemOf.has(target) && target !== focused?.line && focus(itemOf.get(target), false));
  tree.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !focused) return;
    const opens = focused.line.hasAttribute("aria-expanded");
    const all = visible();
    const at = all.indexOf(focused);
    const go = (item) => focus(item ?? focused);
    if (event.key === "ArrowDown") go(all[at + 1]);
    else if (event.key === "ArrowUp") go(all[at - 1]);
    else if (event.key === "Home") go(all[0]);
    else if (event.key === "End") go(all.at(-1));
    else if (event.key === "ArrowRight") {
      if (opens && !open.has(focused.id)) toggle(focused, true);
      else if (opens) go(known.get((focused.data.inside ?? fetched.get(focused.id))?.[0]?.id));
    } else if (event.key === "ArrowLeft") {
      if (opens && open.has(focused.id)) toggle(focused, false);
      else go(focused.parent);
    } else if (event.key === "Enter" || event.key === " ") {
      if (focused.data.more) more(focused);
      else if (focused.data.of) act(focused);
      else toggle(focused);
    } else if (event.key === "*") {
      for (const { id } of focused.parent ? focused.parent.data.inside ?? [] : shown) open.add(id);
      draw();
    }
    else if (event.key.length === 1) {
      const letter = event.key.toLocaleLowerCase();
      go([...all.slice(at + 1), ...all.slice(0, at)].find((item) => item.data.name.toLocaleLowerCase().startsWith(letter)));
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });

  /** Kubernetes' Events as they come; they pass here on their way to the page. */
  function hear({ data }) {
    if (!element.isConnected) return engine.removeEventListener("message", hear);
    if (typeof data !== "string" || !data.startsWith('{"frame"') || !data.includes('"events":[{')) return undefined;
    const { frame } = JSON.parse(data);
    for (const { at, warning, reason, kind, name, message, count } of frame.events) {
      log.append(h("li", {}, h("time", {}, clock(at)), h("span", { class: `event${warning ? " warning" : ""}` }, h("b", {}, warning ? `${t("warning")}: ${reason}` : reason), " ", `${kind.toLowerCase()}/${name}`, " ", h("span", {}, count > 1 ? `${message} (×${count})` : message))));
    }
    none.hidden = true;
    while (log.children.length > LOG) log.firstChild.remove();
    const down = spoken.scrollHeight - spoken.clientHeight;
    if (!spoken.contains(document.activeElement)) spoken.scrollTop = down;
    return undefined;
  }
  engine.addEventListener("message", hear);

  let drawn = "";
  async function look() {
    const [told, edge] = await Promise.all([ask({ ask: "everything" }), ask({ ask: "edge" })]);
    if (!told || !element.isConnected) return;
    const far = told.systems?.far ? await farNodes(limit("nodes")) : undefined;
    const key = JSON.stringify([far, told.nodes, told.pods, told.workloads, told.services, told.components, told.systems?.faults, edge, language()]);
    if (key === drawn) return;
    drawn = key;
    shown = itemsOf(told, far, edge ?? undefined);
    tree.ariaLabel = t("tree");
    says.textContent = t("tree_help");
    heading.textContent = t("log");
    spoken.ariaLabel = t("log");
    none.textContent = t("no_events");
    draw();
  }
  follow(element, 700, look);
}
