// A participant's part of the page: a strip above their own cluster with what to reach, the raised hand and what the
// instructor says; and, once a second, word to the instructor of how the cluster stands.

import { button, h, show, standing, t, titleOf } from "./base.js";

const EVERY_MS = 1000;
/** Word is sent when something changed, and so often at least. */
const AT_LEAST_EVERY = 5;

export function createSeat(room, seat) {
  let own = true;
  let hand = seat.hand;
  let visit = seat.visit;
  let connected = true;
  let trouble = "";
  let news = "";
  let question = seat.question;
  let answer = null;
  let { session, objectives, titles, notice } = seat;
  let dismissed = "";
  /** Whether the list of goals is open; null until somebody says so. */
  let open = null;
  const met = new Set();
  const strip = h("section", { class: "room-strip", "aria-label": t("room") });
  document.body.prepend(strip);
  document.documentElement.classList.add("in-room");

  const look = () => (own ? show(session.id, room.token, seat.name) : show(seat.shared.id, seat.shared.token, seat.name));
  const go = (toOwn) => {
    if (own === toOwn) return;
    own = toOwn;
    look();
    draw();
  };
  let sent = "";
  let since = 0;
  const timer = setInterval(async () => {
    if (!own || !connected) return;
    const asked = session.id;
    const now = await standing();
    if (!now || !own || asked !== session.id || !sameGoals(now)) return;
    const reached = now.objectives.filter(([, met]) => met).map(([id]) => id);
    const status = { session: asked, met: reached, nodes: now.nodes.map(([, state, pods]) => [state, pods]), waiting: now.waiting };
    const text = JSON.stringify(status);
    if (text === sent && ++since < AT_LEAST_EVERY) return;
    if (!room.line.say({ status: { time: now.at, ...status } })) return;
    [sent, since] = [text, 0];
    if (reached.some((id) => !met.has(id))) {
      reached.forEach((id) => met.add(id));
      draw();
    }
  }, EVERY_MS);
  const sameGoals = (now) => now.objectives.length === objectives.length && now.objectives.every(([id], at) => id === objectives[at]);

  function hear(kind, content) {
    if (kind === "notice") {
      const came = content.come && !notice.come;
      const went = !content.come && notice.come;
      if (content.note !== notice.note) dismissed = "";
      notice = { note: "", ...content };
      if (came) go(false);
      if (went) go(true);
    } else if (kind === "opened") {
      ({ session, objectives, titles } = content);
      met.clear();
      sent = "";
      own = true;
      look();
      news = t(content.reset ? "reset" : "opened");
    } else if (kind === "visit") visit = content;
    else if (kind === "lowered") {
      hand = false;
      news = t("hand_seen");
    } else if (kind === "asked") [question, answer] = [content, null];
    else if (kind === "refused") news = kubarium.inWords(content.why);
    else if (kind === "ended") trouble = t("over");
    draw();
  }

  function resume(again) {
    [hand, visit, question] = [again.hand, again.visit, again.question];
    notice = again.notice;
    if (again.session.id !== session.id) hear("opened", { ...again, reset: false });
    draw();
  }

  const line = (kind, ...children) => h("p", { class: "room-line", "data-kind": kind }, ...children);
  const small = (name, act, kind = "quiet") => button(t(name), act, { class: kind });
  function consent(yes) {
    room.line.say({ consent: { yes } });
    visit = yes ? visit : "none";
    draw();
  }

  function lines() {
    return [
      trouble && line("trouble", trouble),
      notice.paused && line("pause", t("paused")),
      notice.note && notice.note !== dismissed && line("note", h("b", {}, `${t("note_from")} `), h("span", {}, notice.note),
        small("close", () => {
          dismissed = notice.note;
          draw();
        })),
      !own && line("look", t(notice.come ? "come_now" : "looking_on"), small("back", () => go(true), "primary")),
      visit === "asked" && line("visit", t("visit_asked"), small("visit_yes", () => consent(true), "primary"),
        small("visit_no", () => consent(false))),
      visit === "granted" && line("visit", t("visit_here"), small("visit_end", () => consent(false))),
      question && line("question", h("b", {}, question.text || t("question")),
        h("span", { class: "room-choices", role: "group", "aria-label": question.text || t("question") },
          question.choices.map((choice, at) => button(choice, () => {
            answer = at;
            room.line.say({ answer: { choice: at } });
            draw();
          }, { "aria-pressed": String(answer === at) }))),
        answer !== null && h("small", { class: "muted" }, t("answered"))),
      news && line("news", news, small("close", () => {
        news = "";
        draw();
      })),
    ];
  }

  function goals() {
    if (!objectives.length) return null;
    const done = objectives.filter((id) => met.has(id)).length;
    const summary = done === objectives.length ? t("all_done") : t("objectives_done", { done, all: objectives.length });
    const goal = (id) => h("li", { "data-met": met.has(id) },
      h("span", { class: "room-mark", "aria-hidden": "true" }, met.has(id) ? "✓" : ""), titleOf(titles, id));
    return h("details", { class: "room-goals", open: open ?? innerWidth > 760,
      ontoggle: (event) => (open = event.currentTarget.open) },
    h("summary", {}, h("b", {}, t("objectives")), " ", h("span", { class: "muted" }, summary)),
    h("ol", {}, objectives.map(goal)));
  }
  function draw() {
    const focus = strip.contains(document.activeElement) ? document.activeElement.textContent : null;
    strip.setAttribute("aria-label", t("room"));
    strip.replaceChildren(
      h("div", { class: "room-head" },
        h("b", { class: "room-title" }, seat.title || t("room")),
        h("span", { class: "room-name" }, seat.name),
        own ? small("their_screen", () => go(false)) : null,
        button(t(hand ? "hand_down" : "hand_up"), () => {
          hand = !hand;
          room.line.say({ hand: { up: hand } });
          draw();
        }, { class: "quiet room-hand", "aria-pressed": String(hand) })),
      ...[goals()].filter(Boolean),
      h("div", { class: "room-lines", role: "status" }, ...lines().filter(Boolean)),
    );
    // Whoever pressed a button with the keyboard is still there.
    const again = focus && [...strip.querySelectorAll("button")].find((one) => one.textContent === focus);
    again?.focus();
  }
  look();
  if (notice.come) go(false);
  draw();
  const languages = new MutationObserver(draw);
  languages.observe(document.documentElement, { attributes: true, attributeFilter: ["lang"] });

  return {
    hear,
    resume,
    state(isConnected, why, final) {
      if (connected === isConnected && !final) return;
      connected = isConnected;
      trouble = connected ? "" : final ? why : t(own ? "going_on" : "reconnecting");
      draw();
    },
    end() {
      clearInterval(timer);
      languages.disconnect();
      strip.remove();
      document.documentElement.classList.remove("in-room");
    },
  };
}
