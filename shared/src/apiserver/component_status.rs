//! ComponentStatus: what the server hears of the control plane's other parts on its machine when somebody asks. Nothing of
//! it is stored.

use std::sync::Arc;

use crate::api::{Key, Kind, Meta, Object, Reason, Status};
use crate::doc;
use crate::doc::Str;
use crate::sim::Process;

use super::{Call, read};

impl Call<'_, '_> {
    /// Those that are asked for; etcd is said to be there or not.
    pub(super) fn component_statuses(&self, has_etcd: bool) -> Vec<Arc<Object>> {
        let all = self.looked_at(has_etcd).into_iter();
        all.filter(|object| read::is_selected(self.request, object)).map(Arc::new).collect()
    }

    /// The one that is asked for.
    pub(super) fn component_status(&self, has_etcd: bool) -> Result<Arc<Object>, Status> {
        let name = &self.request.name;
        let found = self.looked_at(has_etcd).into_iter().find(|object| object.key.name == *name);
        found.map(Arc::new).ok_or_else(|| Status::new(Reason::Unknown, format!("server not found: {name}")))
    }

    fn looked_at(&self, has_etcd: bool) -> [Object; 3] {
        let member = match self.cx.me {
            Process::ApiServer(member) => member,
            _ => 0,
        };
        let etcd = if has_etcd { None } else { Some("context deadline exceeded".to_owned()) };
        [
            status("controller-manager", self.probe(Process::ControllerManager(member), 10257)),
            status("etcd-0", etcd),
            status("scheduler", self.probe(Process::Scheduler(member), 10259)),
        ]
    }

    /// Why a part does not say that it is well.
    fn probe(&self, part: Process, port: u32) -> Option<String> {
        let core = &self.cx.core;
        let why = match (core.running(part), core.links.open(self.cx.me, part)) {
            (true, true) => return None,
            (false, _) => format!("dial tcp 127.0.0.1:{port}: connect: connection refused"),
            (true, false) => {
                "context deadline exceeded (Client.Timeout exceeded while awaiting headers)".to_owned()
            }
        };
        Some(format!("Get \"https://127.0.0.1:{port}/healthz\": {why}"))
    }
}

fn status(name: &'static str, fault: Option<String>) -> Object {
    let well = if fault.is_none() { "True" } else { "False" };
    let message = fault.unwrap_or_else(|| "ok".to_owned());
    let body = doc!({ "conditions": [{ "type": "Healthy", "status": well, "message": message }] });
    Object::new(Key::new(Kind::ComponentStatus, Str::new(), name), Meta::default(), body, None)
}
