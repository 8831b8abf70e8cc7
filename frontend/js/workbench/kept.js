// The window of what is kept in this browser: playgrounds with names, and clusters that others came in place of.

import { sheet } from "./compare.js";
import { parsed, scenario } from "./line.js";
import { all, earlier, forget, load, others, save } from "./playgrounds.js";
import { element, say } from "./words.js";

const timeOf = (saved) => new Date(saved).toLocaleString(document.documentElement.lang, { dateStyle: "short", timeStyle: "short" });

/** What was done last in a cluster, in a few words: that tells clusters without a name apart. */
function lastIn(text) {
  const { kubectl: line, apply, fault } = parsed(text)?.spec?.steps?.at(-1) ?? {};
  if (line) return `kubectl ${line}`;
  const [kind, name] = [/^kind: *(\S+)/m, /^ +name: *(\S+)/m].map((wanted) => apply?.match(wanted)?.[1]);
  return kind ? `${kind} ${name ?? ""}` : fault ? Object.values(fault).map((part) => (typeof part === "string" ? part : JSON.stringify(part))).join(" ") : "";
}

/** Opens it. */
export function playgrounds({ root, files, note, open }) {
  const list = element("ul", { class: "kept" });
  const before = element("ul", { class: "kept" });
  const heading = element("h3", { text: "earlier", hidden: true });
  const name = element("input", { type: "text", maxlength: "60", label: "playground_name", placeholder: say("playground_name"), required: true, spellcheck: "false" });
  const form = element("form", { method: "dialog" }, name, element("button", { class: "primary", text: "keep" }));
  const body = element("div", { class: "body padded" }, element("p", { text: "playgrounds_say" }), form, element("div", { class: "notes", role: "status" }), list, heading, before);
  const dialog = sheet(root, "playgrounds_title", body);
  dialog.classList.add("small");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const wanted = name.value = name.value.trim();
    if (!wanted) return name.reportValidity();
    const was = await load(wanted);
    const kept = await save({ name: wanted, ...files.saved(), scenario: await scenario() });
    if (!kept) return note(say("not_kept"), { bad: true });
    name.value = "";
    draw();
    if (was) note(say("replaced", { name: wanted }), { action: say("undo"), act: () => save(was).then(draw), stay: true });
  });
  const take = async (wanted) => {
    const found = await load(wanted);
    if (!found) return;
    const was = files.saved();
    const leaving = { files: was, restore: () => files.restore(was) };
    dialog.close();
    if (found.files) files.restore(found);
    // What keeps the cluster keeps the files with it (desk.js).
    window.kubarium.leaving = found.files ? leaving : { restore: () => {} };
    open(found.scenario);
  };
  const remove = async (wanted, shown) => {
    const was = await forget(wanted);
    draw();
    if (was) note(say("forgotten", { name: shown }), { action: say("undo"), act: () => save(was).then(draw), stay: true });
  };
  const rename = (one, item) => {
    const input = element("input", { type: "text", maxlength: "60", label: "playground_name", value: one.name, spellcheck: "false" });
    let over = false;
    const end = async (keep) => {
      if (over) return;
      over = true;
      const wanted = input.value.trim();
      const other = keep && wanted && wanted !== one.name;
      if (other && await load(wanted)) note(say("name_taken", { name: wanted }), { bad: true, of: "name" });
      else if (other) {
        const was = await load(one.name);
        if (was && await save({ ...was, name: wanted })) await forget(one.name);
      }
      draw();
    };
    input.addEventListener("blur", () => end(true));
    input.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Enter" || event.key === "Escape") event.preventDefault();
      if (event.key === "Enter") end(true);
      if (event.key === "Escape") end(false);
    });
    item.querySelector(".link").replaceWith(input);
    input.focus();
    input.select();
  };
  const named = (one) => {
    const item = element("li", {},
      element("button", { class: "link", onclick: () => take(one.name) }, one.name),
      element("span", {}, timeOf(one.saved)),
      element("button", { class: "quiet", text: "rename_it", onclick: () => rename(one, item) }),
      element("button", { class: "quiet", text: "forget", onclick: () => remove(one.name, one.name) }));
    return item;
  };
  const unnamed = (one) => element("li", {},
    element("button", { class: "link", onclick: () => take(one.name) }, timeOf(one.saved)),
    element("span", { class: "last" }, lastIn(one.scenario)),
    element("button", { class: "quiet", text: "forget", onclick: () => remove(one.name, timeOf(one.saved)) }));
  /** What another page has and this one has not. */
  const news = ({ files: theirs }) => {
    const here = new Set(files.texts().map(([, text]) => text));
    return theirs.filter(({ text }) => text.trim() && !here.has(text));
  };
  /** Files of another page come beside those that are here. */
  const join = (one) => {
    dialog.close();
    for (const { name, text } of news(one)) files.add(text, name);
  };
  const elsewhere = (one) => element("li", {},
    element("button", { class: "link", onclick: () => join(one) }, timeOf(one.saved)),
    element("span", { class: "last" }, say("of_other_page", { names: news(one).map(({ name: file }) => file).join(", ") })),
    element("button", { class: "quiet", text: "forget", onclick: () => remove(one.name, timeOf(one.saved)) }));
  const draw = async () => {
    const [own, clusters, pages] = await Promise.all([all(), earlier(), others()]);
    list.replaceChildren(...own.map(named));
    before.replaceChildren(...pages.filter((one) => news(one).length).map(elsewhere), ...clusters.map(unnamed));
    heading.hidden = !before.firstChild;
  };
  draw();
}
