// A closer look at one thing, worked out when somebody looks: why a pod is where it is, what a node has, what a message changes.

import { attempts } from "./stage/attempts.js";
import { message } from "./stage/message.js";
import { node } from "./stage/node.js";

export function create(element, { about }) {
  const { message: record, object } = JSON.parse(about);
  if (record !== undefined) message(element, record);
  else if (object?.kind === "Pod") attempts(element, object);
  else if (object?.kind === "Node") node(element, object.name);
}
