//! What every client of the API server is made of: informers that keep a cache current, work queues, rate limits
//! and the event recorder.

mod election;
mod informer;
mod queue;
mod recorder;
mod wait;

pub use election::{Ballot, Candidate};
pub use informer::{Cache, Delta, Handled, Informer, Informers, back_off};
pub use queue::{RateLimiter, Share, WorkQueue};
pub use recorder::{Recorder, Severity};
pub use wait::Wait;

use crate::api::{Reply, Status};
use crate::sim::{CriEvent, Message, NodeCall, Packet, Process, RequestId, Timer, WatchEvent, WatchId};

/// What reaches a component.
#[derive(Clone, Debug)]
pub enum Input {
    /// It starts: its memory is empty, its configuration is there.
    Start,
    /// The answer to one of its requests.
    Response(RequestId, Result<Reply, Box<Status>>),
    /// A change that it watches.
    Watch(WatchId, WatchEvent),
    /// A watch ended.
    WatchClosed(WatchId),
    /// A timer it set ran out.
    Timer(Timer),
    /// The container runtime reports.
    Cri(CriEvent),
    /// A packet of the data plane arrives.
    Packet(Packet),
    /// The API server asks its kubelet, under this number.
    NodeCall(Process, u64, NodeCall),
}

impl Input {
    /// What a message is to its receiver; `None` for what only the API server or a runtime takes.
    pub fn from_message(message: Message) -> Option<Input> {
        use crate::sim::Body;
        match message.body {
            Body::Response(id, result) => Some(Input::Response(id, result)),
            Body::Watch(id, event) => Some(Input::Watch(id, event)),
            Body::WatchClosed(id) => Some(Input::WatchClosed(id)),
            Body::CriEvent(event) => Some(Input::Cri(event)),
            Body::Packet(packet) => Some(Input::Packet(packet)),
            Body::NodeCall(number, call) => Some(Input::NodeCall(message.from, number, call)),
            Body::Request(..) | Body::Cri(_) | Body::NodeReply(..) | Body::Etcd(_) | Body::Metrics(_) => None,
        }
    }
}
