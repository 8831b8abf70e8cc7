//! What programs do before they answer a request: netexec runs a command, or asks others in its turn; so does a guestbook,
//! also before anybody asks it.

use std::net::Ipv4Addr;

use crate::api::Uid;
use crate::codec::Codec;
use crate::doc::{Doc, Str};
use crate::sim::{
    Body, Context, Duration, Packet, PacketStep, ProbeKind, ProbeResult, Protocol, Time, Timer,
};

use super::super::guestbook::{UPDATED, line};
use super::super::server::{First, Service};
use super::super::shell::{Answer, Request};
use super::super::{Runtime, Sandbox};
use super::Role;

/// For how long a replica looks for its primary, and between two tries.
const REGISTRATION: Duration = Duration::seconds(15);
const PAUSE: Duration = Duration::seconds(1);

/// Who waits for an answer.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub(in crate::runtime) enum Asker {
    /// Somebody who asks over the network.
    Far(Box<Packet>),
    /// The kubelet, for a probe or hook: of which start of a container, and which attempt.
    Kubelet(u64, ProbeKind, u32),
    /// The program itself, by the number of its task.
    Program(u64),
}

/// What is asked of others, and how often.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub(in crate::runtime) struct Dial {
    pub protocol: Protocol,
    pub host: Str,
    pub port: u32,
    pub request: Str,
    pub tries: u32,
    pub then: Then,
}

/// What is made of the answers.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub(in crate::runtime) enum Then {
    /// A list of all of them.
    Lists,
    /// The answer itself.
    Passes,
    /// The same is asked of others, the last first.
    Spreads(Vec<Str>),
    /// The program begins with what it was answered; as long as nobody answers, it asks again until then.
    Registers(Time),
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

    /// A program has begun: a replica looks for its primary.
    pub(super) fn register(&mut self, task: u64, cx: &mut Context<'_>) {
        let Some(running) = self.tasks.get(&task) else { return };
        let (pod, start) = (running.pod, running.start);
        let Some(Service::Guestbook(guestbook)) = running.task.serves.as_ref().map(|server| &server.service)
        else {
            return;
        };
        let ip = self.sandboxes.get(&pod).map_or(0, |sandbox| sandbox.ip);
        if let Some(dial) = guestbook.registration(ip, cx.now() + REGISTRATION) {
            self.answer_later((pod, start), First::Dial(dial), Asker::Program(task), cx);
        }
    }

    /// Asks once more, or answers.
    pub(in crate::runtime) fn dial_on(&mut self, number: u64, cx: &mut Context<'_>) {
        let Some(dialling) = self.dials.get_mut(&number) else { return };
        if !self.numbered.contains_key(&dialling.start) {
            // Whoever asked has ended; the kubelet waits no longer than its grace period.
            self.dials.remove(&number);
            return;
        }
        if let Some(left) = dialling.dial.tries.checked_sub(1) {
            dialling.dial.tries = left;
            let (pod, start, request) = (dialling.pod, dialling.start, Request::dial(&dialling.dial));
            if let Dial { host, port, request, then: Then::Registers(_), .. } = &dialling.dial {
                let said = format!("Registering to primary: {host}:{port}/{request}");
                self.says(start, &said, cx);
            }
            return self.send_request(number, pod, &request, cx);
        }
        let Some(Dialling { asker, pod, start, dial, responses, errors }) = self.dials.remove(&number) else {
            return;
        };
        match asker {
            Asker::Program(task) => self.registered((task, start), &dial, responses.first(), cx),
            asker => self.reply(&asker, pod, told(&dial, &responses, &errors), cx),
        }
    }

    /// One of those who were asked has answered, or has not.
    pub(super) fn dialled(&mut self, number: u64, answer: &Answer, cx: &mut Context<'_>) {
        let Some(dialling) = self.dials.get_mut(&number) else { return };
        let (start, dial) = (dialling.start, &mut dialling.dial);
        match answer {
            Answer::Http { text, .. } => dialling.responses.push(text.clone()),
            failure => dialling.errors.push(complaint(dial, failure).into()),
        }
        match (&mut dial.then, dialling.errors.last()) {
            (Then::Spreads(others), None) => {
                if let Some(next) = others.pop() {
                    (dial.host, dial.tries) = (next, 1);
                }
            }
            (Then::Registers(until), Some(why)) if cx.now() + PAUSE < *until => {
                let said =
                    format!("encountered error while registering to primary: {why}. Retrying in {PAUSE}.");
                dial.tries = 1;
                dialling.errors.clear();
                self.says(start, &said, cx);
                return cx.timer(PAUSE, Timer { number, ..Timer::named("dial") });
            }
            _ => {}
        }
        self.dial_on(number, cx);
    }

    /// A replica has what its primary holds, or gives up.
    fn registered(
        &mut self,
        (task, start): (u64, u64),
        dial: &Dial,
        answer: Option<&Str>,
        cx: &mut Context<'_>,
    ) {
        let server = self.tasks.get_mut(&task).and_then(|running| running.task.serves.as_mut());
        let Some(Service::Guestbook(guestbook)) = server.map(|server| &mut server.service) else { return };
        let failure = match answer {
            None => "Timed out while registering to primary.".to_owned(),
            Some(text) if guestbook.registered(text) => {
                return self.says(start, &format!("Registered to node: {}", dial.host), cx);
            }
            Some(text) => format!("Could not cast responseJSON: {text}"),
        };
        self.says(start, &failure, cx);
        self.container_ends(start, 1, false, cx);
    }

    /// A program writes to its log.
    fn says(&mut self, start: u64, text: &str, cx: &mut Context<'_>) {
        if let Some((_, container)) = self.numbered_mut(start) {
            container.log.line(cx.timestamp(), line(cx.timestamp(), text));
            self.tell_followers(start, false, cx);
        }
    }

    /// The answer to a request that had to wait.
    pub(super) fn reply(
        &mut self,
        asker: &Asker,
        pod: Uid,
        (status, text): (u32, Str),
        cx: &mut Context<'_>,
    ) {
        let packet = match asker {
            Asker::Far(packet) => packet,
            Asker::Kubelet(start, kind, attempt) => {
                return self.tell_probed(pod, *start, *kind, *attempt, ProbeResult::Success, cx);
            }
            Asker::Program(_) => return,
        };
        let Some(Sandbox { key, .. }) = self.sandboxes.get(&pod) else { return };
        let detail = format!("{}/{}", key.namespace, key.name).into();
        let step = PacketStep::Answer { status: Some(status), detail };
        cx.send(packet.origin, Body::Packet(Packet { step, text, ..(**packet).clone() }));
    }
}

/// What is said when all is asked, and with which status.
fn told(dial: &Dial, responses: &[Str], errors: &[Str]) -> (u32, Str) {
    match (&dial.then, errors.first()) {
        (Then::Lists | Then::Registers(_), _) => {
            let mut doc = Doc::map();
            for (name, texts) in [("errors", errors), ("responses", responses)] {
                if !texts.is_empty() {
                    doc.set(name, Doc::list(texts.iter()));
                }
            }
            (200, doc.to_json().into())
        }
        (Then::Passes, None) => (200, responses.first().cloned().unwrap_or_default()),
        (Then::Spreads(_), None) => (200, UPDATED.into()),
        (Then::Passes, Some(why)) if why.starts_with("lookup") => {
            (400, format!("host and/or port param are invalid. {why}\n").into())
        }
        (Then::Passes, Some(why)) => (417, format!("encountered error: {why}\n").into()),
        (Then::Spreads(_), Some(why)) => {
            (417, format!("encountered error while propagating to replica '{}': {why}\n", dial.host).into())
        }
    }
}

/// What a program says of somebody who did not answer.
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
