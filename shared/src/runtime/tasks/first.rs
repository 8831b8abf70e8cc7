//! What programs do before they answer a request: netexec runs a command, or asks others in its turn.

use std::net::Ipv4Addr;

use crate::api::Uid;
use crate::codec::Codec;
use crate::doc::Str;
use crate::sim::{Body, Context, Packet, PacketStep, ProbeKind, ProbeResult, Protocol};

use super::super::server::{Dial, First};
use super::super::shell::{Answer, Request};
use super::super::{Runtime, Sandbox};
use super::Role;

/// Who waits for an answer.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub(in crate::runtime) enum Asker {
    /// Somebody who asks over the network.
    Far(Box<Packet>),
    /// The kubelet, for a probe or hook: of which start of a container, and which attempt.
    Kubelet(u64, ProbeKind, u32),
}

/// A request that is answered when others have answered.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub(in crate::runtime) struct Dialling {
    asker: Asker,
    pod: Uid,
    /// The start of the container that asks.
    start: u64,
    dial: Dial,
    responses: Vec<Str>,
    errors: Vec<Str>,
}

impl Runtime {
    /// Does what comes before an answer.
    pub(in crate::runtime) fn answer_later(
        &mut self,
        (pod, start): (Uid, u64),
        first: First,
        asker: Asker,
        cx: &mut Context<'_>,
    ) {
        match first {
            First::Run(script) => {
                let words = ["/bin/sh".into(), "-c".into(), script];
                if let Some(number) = self.start_task(start, &words, Role::Request(asker)) {
                    self.task_due(number, cx);
                }
            }
            First::Dial(dial) => {
                let number = self.fresh_number();
                let (responses, errors) = (Vec::new(), Vec::new());
                self.dials.insert(number, Dialling { asker, pod, start, dial, responses, errors });
                self.dial_on(number, cx);
            }
        }
    }

    /// Asks once more, or answers.
    fn dial_on(&mut self, number: u64, cx: &mut Context<'_>) {
        let Some(dialling) = self.dials.get_mut(&number) else { return };
        if let Some(left) = dialling.dial.tries.checked_sub(1) {
            dialling.dial.tries = left;
            let (pod, request) = (dialling.pod, Request::dial(&dialling.dial));
            return self.send_request(number, pod, &request, cx);
        }
        if let Some(Dialling { asker, pod, responses, errors, .. }) = self.dials.remove(&number) {
            self.reply(&asker, pod, Dial::told(&responses, &errors), cx);
        }
    }

    /// One of those who were asked has answered, or has not.
    pub(super) fn dialled(&mut self, number: u64, answer: &Answer, cx: &mut Context<'_>) {
        let Some(dialling) = self.dials.get_mut(&number) else { return };
        if !self.numbered.contains_key(&dialling.start) {
            // Whoever asked has ended; the kubelet waits no longer than its grace period.
            self.dials.remove(&number);
            return;
        }
        match answer {
            Answer::Http { text, .. } => dialling.responses.push(text.clone()),
            failure => dialling.errors.push(complaint(&dialling.dial, failure).into()),
        }
        self.dial_on(number, cx);
    }

    /// The answer to a request that had to wait.
    pub(super) fn reply(&mut self, asker: &Asker, pod: Uid, text: Str, cx: &mut Context<'_>) {
        let packet = match asker {
            Asker::Far(packet) => packet,
            Asker::Kubelet(start, kind, attempt) => {
                return self.tell_probed(pod, *start, *kind, *attempt, ProbeResult::Success, cx);
            }
        };
        let Some(Sandbox { key, .. }) = self.sandboxes.get(&pod) else { return };
        let detail = format!("{}/{}", key.namespace, key.name).into();
        let step = PacketStep::Answer { status: Some(200), detail };
        cx.send(packet.origin, Body::Packet(Packet { step, text, ..(**packet).clone() }));
    }
}

/// What netexec says of somebody who did not answer.
fn complaint(dial: &Dial, answer: &Answer) -> String {
    let Dial { host, port, request, .. } = dial;
    let unknown = host.parse::<Ipv4Addr>().is_err() && !matches!(answer, Answer::Refused | Answer::TimedOut);
    let (network, why) = match dial.protocol {
        Protocol::Tcp => (
            "tcp",
            if matches!(answer, Answer::Refused) { "connect: connection refused" } else { "i/o timeout" },
        ),
        Protocol::Udp => (
            "udp",
            if matches!(answer, Answer::Refused) { "read: connection refused" } else { "i/o timeout" },
        ),
        Protocol::Sctp => ("sctp", "connection refused"),
    };
    match dial.protocol {
        Protocol::Tcp if matches!(answer, Answer::Empty) => {
            format!("Get \"http://{host}:{port}/{request}\": EOF")
        }
        _ if unknown => format!("lookup {host}: no such host"),
        Protocol::Tcp => {
            format!("Get \"http://{host}:{port}/{request}\": dial {network} {host}:{port}: {why}")
        }
        _ => format!("reading from {network} connection failed. err:'read {network} {host}:{port}: {why}'"),
    }
}
