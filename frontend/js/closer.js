// A closer look at one thing, worked out when somebody looks: why a pod is where it is, what a node has, what is behind a Service, what
// a message changes.

import { h } from "./stage/base.js";
import { attempts } from "./stage/attempts.js";
import { message } from "./stage/message.js";
import { node } from "./stage/node.js";
import { service } from "./stage/service.js";

export function create(element, { about }) {
  const { message: record, object } = JSON.parse(about);
  // The page may give the same element another subject: what was about the first ends with its own part.
  const part = h("div", {});
  element.replaceChildren(part);
  if (record !== undefined) message(part, record);
  else if (object?.kind === "Pod") attempts(part, object);
  else if (object?.kind === "Node") node(part, object.name);
  else if (object?.kind === "Service") service(part, object);
}
