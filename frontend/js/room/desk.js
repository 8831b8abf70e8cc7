// The instructor's desk: who is here and how they are getting on, and what can be sent to them.

import { createCard, needsHelp } from "./card.js";
import { ask, button, copy, h, inWords, save, show, standing, t } from "./base.js";
import { rehearse } from "./rehearse.js";

const CLUSTERS = ["hello-pod", "canary", "zone-failure", "autoscaler", "stateful-quorum", "broken"];
const WORKSHOPS = [["workshops/first-cluster", "w_first_cluster"], ["workshops/when-nodes-die", "w_when_nodes_die"]];
const PROGRAMS = [["kube-scheduler", "fault_scheduler"], ["kube-controller-manager", "fault_manager"], ["kube-apiserver", "fault_api"]];
const CLOCK_MS = 15_000;

export function createDesk(room, desk) {
  const people = new Map();
  const cards = new Map();
  const chosen = new Set();
  const doors = new Map();
  let { notice, question } = desk;
  let counts = [];
  let sort = "coming";
  let news = "";
  let trouble = "";
  let hours = 0;
  let rehearsal = null;
  let presenting = false;

  const grid = h("ol", { class: "room-grid" });
  const pulse = h("p", { class: "room-pulse", role: "status" });
  const said = h("p", { class: "room-said", role: "status" });
  const tools = h("div", { class: "room-tools" });
  const head = h("header", { class: "room-desk-head" });
  const empty = h("p", { class: "room-empty muted" });
  const order = h("p", { class: "room-to", hidden: true });
  const console_ = h("section", { class: "room-desk" }, head, h("div", { class: "room-body" }, tools,
    h("div", { class: "room-people" }, h("div", { class: "room-above" }, pulse, order), said, empty, grid)));
  const corner = h("aside", { class: "room-corner" });
  document.body.append(console_, corner);
  document.documentElement.classList.add("at-desk");

  show(desk.shared.id, room.token, "");
  const say = (message) => room.line.say(message);
  const to = () => (chosen.size ? [...chosen] : undefined);
  const push = (what) => say({ push: { ...(chosen.size ? { to: to() } : {}), what } });
  const tell = (text) => {
    news = text;
    said.textContent = trouble || news;
  };

  function flip(atDesk) {
    document.documentElement.classList.toggle("at-desk", atDesk);
    if (atDesk && presenting) present(false);
    drawCorner();
    if (atDesk) head.querySelector("button")?.focus();
  }
  function present(on) {
    presenting = on;
    document.documentElement.classList.toggle("room-presenting", on);
    document.documentElement.toggleAttribute("data-present", on);
    if (on) document.documentElement.classList.remove("at-desk");
    drawCorner();
  }
  function enter(number) {
    const door = doors.get(number);
    if (!door) return;
    show(door.id, door.token, "");
    flip(false);
  }
  function home() {
    show(desk.shared.id, room.token, "");
  }

  // ---- What the room says ----

  function hear(kind, content) {
    if (kind === "people") {
      hours = content.now - Date.now();
      content.people.forEach((person) => people.set(person.number, person));
      (content.gone ?? []).forEach((number) => {
        people.delete(number);
        chosen.delete(number);
        cards.get(number)?.element.remove();
        cards.delete(number);
      });
      drawPeople(content.people.map((person) => person.number));
      if (content.gone) drawTools();
    } else if (kind === "notice") {
      notice = { note: "", ...content };
      drawTools();
    } else if (kind === "asked") {
      [question, counts] = [content, []];
      drawTools();
      drawCorner();
    } else if (kind === "tally") {
      counts = content.counts;
      drawTally();
    } else if (kind === "pushed") {
      tell(t(content.failed ? "pushed_failed" : "pushed", content));
    } else if (kind === "entered") {
      doors.set(content.number, content.session);
      enter(content.number);
    } else if (kind === "left") {
      if (doors.delete(content.number)) home();
    } else if (kind === "refused") tell(kubarium.inWords(content.why));
    else if (kind === "ended") tell(t("ended"));
  }

  // ---- What is seen ----

  const now = () => Date.now() + hours;
  const all = () => [...people.values()];
  function drawPeople(changed) {
    for (const number of changed) {
      if (!cards.has(number)) {
        cards.set(number, createCard(number, {
          titles: desk.guide?.objectives,
          choose(number, on) {
            if (on) chosen.add(number);
            else chosen.delete(number);
            drawTools();
          },
          act,
        }));
      }
      cards.get(number).draw(people.get(number), now(), chosen.has(number));
    }
    const sorted = all().sort((a, b) => (sort === "help" ? needsHelp(b, now()) - needsHelp(a, now()) : 0) || a.number - b.number);
    sorted.forEach(({ number }, at) => {
      const { element } = cards.get(number);
      if (grid.children[at] !== element) grid.insertBefore(element, grid.children[at] ?? null);
    });
    drawPulse();
  }
  function numbers() {
    const done = (person) => person.objectives.length > 0 && person.objectives.every(([, met]) => met);
    return {
      here: all().filter((person) => person.here).length,
      hands: all().filter((person) => person.hand).length,
      finished: all().filter(done).length,
    };
  }
  function drawPulse() {
    const { here, hands, finished } = numbers();
    const parts = [t("here", { here, all: people.size }), t("finished", { count: finished }), hands && t("hands", { count: hands })];
    pulse.replaceChildren(...parts.filter(Boolean).map((part) => h("span", {}, part)));
    order.hidden = people.size < 2;
    empty.textContent = people.size ? "" : t("nobody");
    drawCorner();
  }

  async function act(number, what) {
    const name = people.get(number)?.name ?? "";
    if (what === "enter") enter(number);
    else if (what === "run") {
      try {
        const answer = await ask(`/${room.code}/participants/${number}/run`, { token: room.token });
        save(`${name || number}.json`, "application/json", await answer.text());
      } catch (error) {
        tell(t("failed", { reason: error.message }));
      }
    } else say({ [what]: { number } });
  }

  async function results(format) {
    try {
      const answer = await ask(`/${room.code}/results?format=${format}`, { token: room.token });
      save(`room-${room.code}.${format}`, "text/plain", await answer.text());
    } catch (error) {
      tell(t("failed", { reason: error.message }));
    }
  }

  function sure(name, says, act) {
    const dialog = h("dialog", { class: "room-sheet", "aria-label": t(name) },
      h("form", { method: "dialog", class: "room-form" }, h("h2", {}, t(name)), h("p", {}, t(says)),
        h("p", { class: "room-buttons" },
          button(t(name), () => {
            dialog.close();
            act();
          }, { class: "primary" }),
          button(t("cancel"), () => dialog.close()))));
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  }

  function drawHead() {
    const copied = button(t("copy"), async () => {
      if (await copy(desk.join)) copied.textContent = t("copied");
    });
    head.replaceChildren(
      button(t("to_cluster"), () => flip(false)),
      h("h1", {}, desk.title || t("room")),
      h("div", { class: "room-way-in" },
        h("span", { class: "muted" }, t("code")), h("b", { class: "room-code" }, room.code),
        h("span", { class: "room-address" }, desk.join), copied,
        h("details", { class: "room-pop" }, h("summary", { class: "quiet" }, t("qr")),
          h("img", { class: "room-qr", alt: t("qr"), src: `/api/v1/rooms/${room.code}/qr.svg`, width: 240, height: 240 }))),
      button(t("present"), () => present(true)),
    );
  }

  // ---- What can be sent ----

  const kept = {};
  const input = (name, props = {}) => h("input", { "aria-label": t(name), maxlength: 500, value: kept[name] ?? "",
    oninput: (event) => (kept[name] = event.target.value), ...props });
  const part = (name, ...children) => h("fieldset", { class: "room-part" }, h("legend", {}, t(name)), ...children);
  const select = (name, options) => h("select", { "aria-label": t(name), onchange: (event) => (kept[name] = event.target.value) },
    options.map(([value, text]) => h("option", { value, selected: kept[name] === value }, text)));

  async function begin(what) {
    if (what === "mine") return push({ checkpoint: {} });
    try {
      const file = await fetch(`examples/${what}.yaml`);
      push({ scenario: { text: await file.text() } });
    } catch (error) {
      tell(t("failed", { reason: error.message }));
    }
  }
  function askRoom(text, choices) {
    const given = choices.split("\n").map((line) => line.trim()).filter(Boolean);
    say({ ask: { text: text || t("ask_default"), choices: given.length ? given : nodes.slice(0, 12) } });
  }

  let nodes = [];
  (async function learnNodes() {
    const now = await standing();
    if (!now) return setTimeout(learnNodes, 300);
    nodes = now.nodes.map(([name]) => name).slice(0, 50);
    return drawTools();
  })();

  const tally = h("ul", { class: "room-tally" });
  function bars() {
    const most = Math.max(1, ...counts);
    return question.choices.map((choice, at) => {
      const bar = h("i", { "aria-hidden": "true" });
      bar.style.inlineSize = `${(100 * (counts[at] ?? 0)) / most}%`;
      return h("li", {}, h("span", {}, choice), bar, h("b", {}, String(counts[at] ?? 0)));
    });
  }
  function drawTally() {
    if (question) tally.replaceChildren(...bars());
    drawCorner();
  }

  function drawTools() {
    const focus = tools.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
    const note = input("note", { placeholder: t("note") });
    const fault = select("fault", [...nodes.map((node) => [`node/${node} PowerOff`, t("fault_node", { node })]),
      ...PROGRAMS.map(([program, text]) => [`component/${program} Stop`, t(text)])]);
    const beginning = select("begin", [["mine", t("begin_mine")], ...WORKSHOPS.map(([file, text]) => [file, t(text)]),
      ...CLUSTERS.map((name) => [`clusters/${name}`, name])]);
    const text = input("ask_text", { placeholder: t("ask_default") });
    const choices = h("textarea", { rows: 2, "aria-label": t("ask_choices"), placeholder: nodes.slice(0, 3).join("\n"),
      value: kept.choices ?? "", oninput: (event) => (kept.choices = event.target.value) });
    const notes = inWords(desk.guide?.notes);
    tools.replaceChildren(
      h("p", { class: "room-to" }, h("span", { class: "muted" }, t("to_whom")), " ",
        h("b", {}, chosen.size ? t("for_some", { count: chosen.size }) : t("for_all")),
        chosen.size ? button(t("for_all"), () => {
          chosen.clear();
          drawPeople([...people.keys()]);
          drawTools();
        }) : null),
      part("note", note, h("span", { class: "room-buttons" },
        button(t("note_send"), () => note.value.trim() && push({ note: { text: note.value.trim() } }), { class: "primary" }),
        notice.note ? button(t("note_clear"), () => say({ push: { what: { note: { text: "" } } } })) : null)),
      h("p", { class: "room-buttons" },
        button(t(notice.paused ? "resume" : "pause"), () => push({ pause: { on: !notice.paused } }), { "aria-pressed": String(!!notice.paused) }),
        button(t(notice.come ? "come_end" : "come"), () => push({ come: { on: !notice.come } }), { "aria-pressed": String(!!notice.come) })),
      part("fault", fault, h("span", { class: "room-buttons" },
        button(t("fault_do"), () => {
          const [target, kind] = fault.value.split(" ");
          push({ act: { action: { fault: { target, kind } } } });
        }),
        button(t("repair_do"), () => push({ act: { action: { repair: { target: fault.value.split(" ")[0] } } } })))),
      part("begin", beginning, h("span", { class: "room-buttons" }, button(t("begin_do"), () => begin(beginning.value)))),
      question
        ? part("ask", h("p", {}, h("b", {}, question.text)), tally,
          h("span", { class: "room-buttons" }, button(t("ask_over"), () => say({ ask: { text: "", choices: [] } }))))
        : part("ask", text, choices, h("span", { class: "room-buttons" },
          button(t("ask_do"), () => askRoom(text.value.trim(), choices.value)))),
      notes ? h("details", { class: "room-part" }, h("summary", {}, t("notes")), h("ol", {}, notes.map((line) => h("li", {}, line)))) : "",
      part("results", h("span", { class: "room-buttons" },
        button(t("results_csv"), () => results("csv")), button(t("results_json"), () => results("json")))),
      part("rehearse", h("p", { class: "muted" }, t("rehearse_says")), h("span", { class: "room-buttons" },
        button(t(rehearsal ? "rehearse_end" : "rehearse_do"), async (event) => {
          event.target.disabled = true;
          try {
            if (rehearsal) {
              await rehearsal.end();
              rehearsal = null;
            } else rehearsal = await rehearse(room.code, desk.seats - people.size, say);
          } catch (error) {
            tell(t("failed", { reason: error.message }));
          }
          drawTools();
        }))),
      h("p", { class: "room-buttons" },
        button(t("end"), () => sure("end", "end_says", () => say({ end: {} }))),
        button(t("delete"), () => sure("delete", "delete_says", async () => {
          try {
            await ask(`/${room.code}`, { method: "DELETE", token: room.token });
            room.leave();
          } catch (error) {
            tell(t("failed", { reason: error.message }));
          }
        }), { class: "quiet room-danger" })),
    );
    if (question) drawTally();
    if (focus) tools.querySelector(`[aria-label=${CSS.escape(focus)}]`)?.focus();
  }

  /** Beside the cluster: the way back, and on the projector the way in. */
  function drawCorner() {
    const { here, hands, finished } = numbers();
    const visited = [...doors.keys()].filter((number) => people.get(number)?.visit === "granted");
    corner.replaceChildren(
      presenting
        ? h("div", { class: "room-poster" },
          h("img", { alt: t("qr"), src: `/api/v1/rooms/${room.code}/qr.svg`, width: 120, height: 120 }),
          h("div", {}, h("span", { class: "muted" }, t("code")), h("b", { class: "room-code" }, room.code),
            h("span", { class: "room-address" }, desk.join.replace(/^https?:\/\//, "").replace(/\/#.*$/, "/join")),
            h("span", {}, [t("here", { here, all: people.size }), t("finished", { count: finished }), hands ? t("hands", { count: hands }) : ""]
              .filter(Boolean).join(" · "))))
        : h("b", { class: "room-code" }, room.code),
      question && presenting ? h("div", { class: "room-poster" }, h("div", {}, h("b", {}, question.text), h("ul", { class: "room-tally" }, bars()))) : "",
      ...visited.map((number) => button(`${t("leave")}: ${people.get(number).name}`, () => {
        say({ leave: { number } });
        doors.delete(number);
        home();
        flip(true);
      })),
      presenting ? button(t("present_end"), () => flip(true)) : button(t("to_desk"), () => flip(true), { class: "primary" }),
    );
  }

  function drawOrder() {
    order.replaceChildren(h("label", {}, h("span", { class: "muted" }, t("sort")), " ",
      h("select", { onchange: (event) => {
        sort = event.target.value;
        drawPeople([]);
      } }, ["coming", "help"].map((name) => h("option", { value: name, selected: sort === name }, t(`sort_${name}`))))));
  }

  function drawAll() {
    drawOrder();
    console_.setAttribute("aria-label", t("desk"));
    corner.setAttribute("aria-label", t("room"));
    drawHead();
    drawTools();
    drawPeople([...people.keys()]);
  }
  drawAll();
  const languages = new MutationObserver(drawAll);
  languages.observe(document.documentElement, { attributes: true, attributeFilter: ["lang"] });
  // Minutes pass also when nothing else does.
  const clock = setInterval(() => drawPeople([...people.keys()]), CLOCK_MS);

  return {
    hear,
    resume(again) {
      [notice, question] = [again.notice, again.question];
      drawAll();
    },
    state(connected, why, final) {
      trouble = connected ? "" : final ? why : t("reconnecting");
      said.textContent = trouble || news;
    },
    end() {
      clearInterval(clock);
      languages.disconnect();
      rehearsal?.end();
      console_.remove();
      corner.remove();
      document.documentElement.classList.remove("at-desk", "room-presenting");
    },
  };
}
