// What is behind a Service, each pod with whether it takes traffic.

import { ask, follow, h, number, t } from "./base.js";

export function service(element, { namespace, name }) {
  follow(element, 500, async () => {
    const told = await ask({ ask: "endpoints", namespace, name });
    // Who has the focus on one of them keeps it.
    if (!told || !element.isConnected || element.contains(document.activeElement)) return;
    const lines = told.endpoints.map(({ pod, address, node, ready, terminating }) => {
      const state = terminating ? "endpoint_going" : ready ? "endpoint_ready" : "endpoint_unready";
      const who = pod ? h("button", { class: "link", "data-object": `Pod/${namespace}/${pod}` }, pod) : h("span", {});
      return h("li", { "data-ready": String(ready) }, who, h("code", {}, address), h("span", {}, t(state)), h("small", {}, node));
    });
    const rest = told.count - lines.length;
    element.replaceChildren(
      h("h4", {}, t("endpoints", { count: number(told.count) })),
      lines.length ? h("ul", { class: "closer-list endpoints" }, ...lines) : h("p", { class: "muted" }, t("endpoints_none")),
      ...(rest > 0 ? [h("p", { class: "muted" }, `+${number(rest)}`)] : []),
    );
  });
}
