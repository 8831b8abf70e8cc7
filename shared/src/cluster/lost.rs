//! Messages that cannot be delivered: whoever waits for one finds out the way it would in life.

use super::Cluster;
use crate::api::{Reply, Status};
use crate::sim::{Body, Causes, Context, Duration, Event, Metrics, Payload, Process};

/// How long a watcher takes to notice that its connection is dead.
pub(super) const CONNECTION_TIMEOUT: Duration = Duration::seconds(30);

impl Cluster {
    /// A message that cannot be delivered: whoever waits for it finds out the way it would in life.
    pub(super) fn lose(&mut self, event: Event) {
        let Payload::Arrive(message) = event.payload else { return };
        if let Body::Response(_, Ok(Reply::Watching(watch))) = &message.body {
            self.drop_watch(message.from, *watch);
        }
        match &message.body {
            Body::Request(..) => {
                self.connection_dead(&message);
                self.core.refuse(*message);
            }
            Body::Response(id, _) if matches!(message.to, Process::Client(_)) => {
                self.answered(*id, &Err(Box::new(Status::request_timeout())));
            }
            Body::Response(id, _) if self.core.running(message.to) => {
                let timeout = Err(Box::new(Status::request_timeout()));
                self.core.reply_locally(message.to, *id, timeout, Duration::seconds(10), message.causes);
            }
            Body::NodeCall(number, _) => {
                let refused = self.core.links.open(message.from, message.to)
                    && message.to.machine().is_none_or(|at| self.core.machines[at as usize].powered);
                let causes = message.causes.clone();
                let mut cx = Context { core: &mut self.core, me: message.from, causes };
                if let Process::ApiServer(server) = message.from {
                    self.apiservers[server as usize].node_unreachable(*number, refused, &mut cx);
                }
            }
            Body::NodeReply(..) => {
                if let (Some(machine), Process::ApiServer(server)) = (message.from.machine(), message.to) {
                    let causes = message.causes.clone();
                    let mut cx = Context { core: &mut self.core, me: message.to, causes };
                    self.apiservers[server as usize].kubelet_gone(machine, true, &mut cx);
                }
            }
            Body::Watch(watch, _) => {
                self.drop_watch(message.from, *watch);
                self.close_later(*watch, message.to, message.causes);
            }
            Body::WatchClosed(watch) => self.close_later(*watch, message.to, message.causes),
            Body::Metrics(Metrics::Query(query)) => {
                let (asker, id) = query.asker;
                let gone = Err(Box::new(Status::metrics_unavailable(&query.request)));
                self.core.reply_locally(asker, id, gone, Duration::millis(1), message.causes);
            }
            Body::Etcd(_) => self.etcd_lost(*message),
            Body::Response(..) | Body::Cri(_) | Body::CriEvent(_) | Body::Packet(_) | Body::Metrics(_) => {}
        }
    }

    fn drop_watch(&mut self, server: Process, watch: u64) {
        if let Process::ApiServer(server) = server {
            self.apiservers[server as usize].drop_watch(watch);
        }
    }

    /// A watcher whose connection broke silently notices when it times out.
    pub(super) fn close_later(&mut self, watch: u64, to: Process, causes: Causes) {
        if self.core.running(to) {
            self.core.tell_locally(to, Body::WatchClosed(watch), CONNECTION_TIMEOUT, causes);
        }
    }
}
