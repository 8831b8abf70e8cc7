//! The people outside: they send requests to every load balancer there is and count the answers.

use crate::api::Key;
use crate::client::Input;
use crate::collections::BTreeMap;
use crate::doc::Str;
use crate::sim::{Body, Causes, Context, Duration, Packet, PacketStep, Process, Timer};

use super::{Tally, periodic};

/// How long a visitor waits for an answer.
const PATIENCE: Duration = Duration::seconds(1);
/// 198.51.100.0/24, which is for documentation only: where visitors come from.
const NETWORK: u32 = 198 << 24 | 51 << 16 | 100 << 8;
/// How often visitors look whether there is something to visit while their rate is zero.
const IDLE: Duration = Duration::seconds(1);

/// The people outside.
#[derive(Clone, Debug, Hash, Default)]
pub struct Visitors {
    /// How all their requests went.
    pub total: Tally,
    /// The same for each Service.
    pub by_service: BTreeMap<Key, Tally>,
    waiting: BTreeMap<u64, Key>,
    sent: u64,
}

impl Visitors {
    /// Requests that wait for their answer.
    pub fn waiting(&self) -> u64 {
        self.waiting.len() as u64
    }

    pub(super) fn handle(
        &mut self,
        input: Input,
        addresses: &BTreeMap<Key, (u32, u32)>,
        cx: &mut Context<'_>,
    ) {
        match input {
            Input::Start => periodic(Duration::ZERO, "visit", cx),
            Input::Timer(timer) if timer.name == "visit" => self.visit(addresses, cx),
            Input::Timer(timer) if timer.name == "no answer" => {
                self.ended(timer.number, false, "no answer".into(), cx);
            }
            Input::Packet(Packet { number, step: PacketStep::Answer { status, detail }, .. }) => match status
            {
                Some(status) if status >= 400 => {
                    self.ended(number, false, format!("HTTP {status} from {detail}").into(), cx);
                }
                status => self.ended(number, status.is_some(), detail, cx),
            },
            _ => {}
        }
    }

    fn visit(&mut self, addresses: &BTreeMap<Key, (u32, u32)>, cx: &mut Context<'_>) {
        let rate = u64::from(cx.core.options.visitors_per_second_milli);
        if rate == 0 {
            return periodic(IDLE, "visit", cx);
        }
        // More than one at a time where a millisecond is too coarse.
        let at_once = (rate / 1_000_000).max(1);
        periodic(Duration::millis((1_000_000 * at_once / rate).max(1)), "visit", cx);
        for (key, &(ip, port)) in addresses {
            for _ in 0..at_once {
                self.sent += 1;
                let number = self.sent;
                self.waiting.insert(number, key.clone());
                let client = NETWORK + 1 + (number % 254) as u32;
                let step = PacketStep::ToService { ip, port };
                let packet = Packet { number, origin: Process::Visitors, client, text: Str::new(), step };
                cx.because(Causes::none(), |cx| {
                    cx.send(Process::LoadBalancer, Body::Packet(packet));
                    cx.timer(PATIENCE, Timer { number, ..Timer::named("no answer") });
                });
            }
        }
    }

    fn ended(&mut self, number: u64, ok: bool, detail: Str, cx: &Context<'_>) {
        let Some(service) = self.waiting.remove(&number) else { return };
        self.by_service.entry(service).or_default().record(cx.now(), ok, detail.clone());
        self.total.record(cx.now(), ok, detail);
    }
}
