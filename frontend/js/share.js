// Sharing beyond a plain link: one ES module, loaded when somebody asks for it (frontend/src/sharing.rs). Links with
// options, the cluster in somebody's web page, an animated picture of it, and kubectl at one's own machine.

import css from "../../public/styles/share.css";
import { kubectl } from "./share/kubectl.js";
import { link } from "./share/link.js";

const sheet = new CSSStyleSheet();
sheet.replaceSync(css);
document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];

const SHEETS = { kubectl, link };

/** Opens a sheet by its name. */
export const open = (name) => SHEETS[name]();
