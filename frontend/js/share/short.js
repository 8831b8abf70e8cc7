// A link that is too long for where it is sent: the server keeps it under a short name, or it goes as a file.

import { scenario } from "../workbench/line.js";
import { download } from "../workbench/download.js";
import { element, say } from "./words.js";

/** Links of more characters do not get everywhere whole. */
export const LONG = 2000;

/** Has the server keep what follows `#` in a link: `{link}`, short, or `{refused}` with the reason in words. */
async function keep(fragment) {
  const address = new URL("api/v1/links", location.href.split(/[?#]/)[0]);
  let answer;
  try {
    answer = await fetch(address, { method: "POST", body: fragment, headers: { "content-type": "text/plain" } });
  } catch {
    return { refused: say("no_keeper") };
  }
  const told = await answer.json().catch(() => ({}));
  // File hosts answer in their own ways.
  if (!answer.ok || !told.name) return { refused: told.detail ?? say("no_keeper") };
  return { link: `l=${told.name}` };
}

async function save() {
  download("scenario.json", await scenario(), "application/json");
}

/** What is offered below a link; `use(fragment)` puts another in its place. */
export function shorten(use) {
  let long = "";
  let short;
  const says = element("p", { class: "muted", role: "status" });
  const make = element("button", { type: "button", class: "primary", text: "shorten", onclick: async () => {
    make.disabled = true;
    const { link, refused } = await keep(long);
    make.disabled = false;
    short = link;
    if (!link) {
      says.replaceChildren(say("not_short", { reason: refused }));
      row.replaceChildren(make, file);
      file.focus();
      return;
    }
    use(link);
  } });
  const file = element("button", { type: "button", class: "quiet", text: "as_file", title: "file_says", onclick: save });
  const back = element("button", { type: "button", class: "quiet", text: "back_to_long", onclick: () => {
    short = undefined;
    use(long);
  } });
  const row = element("div", { class: "share-buttons" });
  const panel = element("div", { class: "share-stack" }, says, row);
  return Object.assign(panel, {
    /** The link is now `fragment`, in an address of `count` characters. */
    tell(fragment, count) {
      if (fragment !== short) long = fragment;
      if (fragment === short) {
        says.textContent = say("short_length", { count });
        row.replaceChildren(back);
      } else if (count > LONG) {
        says.textContent = `${say("long_link", { count })} ${say("short_says")}`;
        row.replaceChildren(make, file);
      } else {
        says.textContent = say("length", { count });
        row.replaceChildren();
      }
    },
  });
}

/** What there is for a cluster that no link holds. */
export const onlyAsFile = () => [element("p", { text: "too_large" }),
  element("div", { class: "share-buttons" }, element("button", { type: "button", class: "primary", text: "as_file", title: "file_says", onclick: save }))];
