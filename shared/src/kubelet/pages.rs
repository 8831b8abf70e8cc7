//! What a kubelet says of itself over HTTP, to who asks through the API server (`nodes/NAME/proxy/…`).

use crate::api::{Info, Kind};
use crate::doc;
use crate::doc::{Doc, Str, literal};
use crate::sim::Context;

use super::Kubelet;

/// The folders of `/var/log`.
const LOGS: &str = "<!doctype html>\n<meta name=\"viewport\" content=\"width=device-width\">\n<pre>\n\
                    <a href=\"containers/\">containers/</a>\n<a href=\"pods/\">pods/</a>\n</pre>\n";

impl Kubelet {
    /// Status and text of what is at a path.
    pub(super) fn page(&self, path: &str, cx: &Context<'_>) -> (u32, Str) {
        let path = path.split('?').next().unwrap_or("");
        match path {
            "/healthz" | "/healthz/ping" | "/healthz/syncloop" | "/healthz/log" => (200, literal!("ok")),
            "/pods" | "/pods/" => (200, self.pod_list().to_json().into()),
            "/configz" => (200, self.configuration(cx).to_json().into()),
            "/logs" | "/logs/" => (200, literal!(LOGS)),
            _ => (404, literal!("404 page not found\n")),
        }
    }

    fn pod_list(&self) -> Doc {
        let info: &Info = Kind::Pod.info();
        let pods = self.informers.cache(Kind::Pod).values().map(|object| object.to_doc());
        doc!({
            "kind": "PodList", "apiVersion": info.api_version(), "metadata": {}, "items": Doc::list(pods)
        })
    }

    fn configuration(&self, cx: &Context<'_>) -> Doc {
        let pods = cx.core.machines[self.machine as usize].pods;
        doc!({
            "kubeletconfig": {
                "port": 10250i64, "healthzPort": 10248i64, "clusterDomain": "cluster.local",
                "cgroupDriver": "systemd", "maxPods": pods, "serializeImagePulls": true
            }
        })
    }
}
