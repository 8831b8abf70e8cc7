// The cluster in a web page of one's own: what to put there.

import { still } from "../../../public/embed/still.js";
import { copyable, heard } from "./base.js";
import { addressOf } from "./link.js";
import { element } from "./words.js";

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
/**
 * What the frame may: nothing that needs an origin, where this host gives modules to frames that have none. As its home is
 * elsewhere to those who frame it, its own origin opens nothing of theirs.
 */
async function restrictions() {
  const { headers } = await fetch(new URL("embed/still.js", location.href.split(/[?#]/)[0]), { method: "HEAD" }).catch(() => new Response());
  return headers.get("access-control-allow-origin") === "*" ? "allow-scripts" : "allow-scripts allow-same-origin";
}
const HEIGHT = { diagram: 640, yaml: 480, both: 720 };

/** The panel; `take(options, link)` hears what is chosen. */
export function embed() {
  let [options, link, picture, sandbox] = [{}, "", "", "allow-scripts"];
  const show = element("select", { label: "show", onchange: () => draw() },
    ...["diagram", "yaml", "both"].map((value) => element("option", { value, text: `show_${value}` })));
  const tag = copyable("as_element", { lines: 4 });
  const frame = copyable("as_frame", { lines: 4 });
  const preview = element("div", { class: "share-still" });
  const draw = () => {
    const height = HEIGHT[show.value];
    const attributes = { link, still: picture, show: show.value === "diagram" ? "" : show.value, options: addressOf(options, "").split("?")[1] ?? "", height };
    const written = Object.entries(attributes).filter(([, value]) => value !== "").map(([name, value]) => ` ${name}="${escaped(String(value))}"`).join("");
    tag.put(`<script async src="${new URL("embed/kubarium-cluster.js", location.href.split(/[?#]/)[0])}"></script>\n<kubarium-cluster${written}></kubarium-cluster>`);
    const address = addressOf({ ...options, embed: show.value }, link).replace("?embed=1", `?embed=1${picture && `&still=${picture}`}`);
    frame.put(`<iframe src="${escaped(address)}" sandbox="${sandbox}" loading="lazy" width="100%" height="${height}" title="Kubarium"></iframe>`);
  };
  heard("standing", "standing").then((standing) => {
    picture = standing.nodes.slice(0, 24).map(([, state, pods]) => `${state}${pods.slice(0, 24)}`).join(".");
    preview.replaceChildren(still(picture));
    draw();
  });
  restrictions().then((found) => {
    sandbox = found;
    draw();
  });
  const panel = element("div", { class: "share-stack" },
    element("p", { text: "page_says" }), preview,
    element("label", { class: "share-moment" }, element("span", { text: "show" }), show),
    element("h3", { text: "as_element" }), tag.row, element("h3", { text: "as_frame" }), frame.row);
  return Object.assign(panel, { take: (chosen, fragment) => {
    [options, link] = [chosen, fragment];
    draw();
  } });
}
