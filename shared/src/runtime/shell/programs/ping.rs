//! `ping`: whether somebody is at an address. It is asked whether a connection is refused there: who refuses is there.

use std::net::Ipv4Addr;

use crate::doc::Str;
use crate::network::DNS_ADDRESS;

use super::super::requests::{Answer, Request, Tool};
use super::super::step::Surroundings;
use super::super::{Task, Wait};
use super::text::{options, value};
use super::{Done, fail};

/// Where echoes come from.
const ECHO: u32 = 7;
/// How long one is waited for, in seconds.
const PATIENCE: u64 = 10;
/// So many lines at most are written.
const MOST: u64 = 1000;
/// Addresses of Services answer to their ports only.
const SERVICES: u32 = 0xfff0_0000;

pub(super) fn ping(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let (found, rest) = options(args, "cisIpqtwW");
    let Some(host) = rest.first() else {
        return fail(task, "BusyBox v1.37.0 multi-call binary.\n\nUsage: ping [OPTIONS] HOST", world);
    };
    let Some(count) = value(&found, 'c') else { return Done::Waits(Wait::Forever, None) };
    if count.parse::<u64>().is_err() {
        return fail(task, &format!("ping: invalid number '{count}'"), world);
    }
    let number = |flag| value(&found, flag).and_then(|text| text.parse().ok());
    let seconds = number('w').or_else(|| number('W')).unwrap_or(PATIENCE).max(1);
    let is_name = host.parse::<Ipv4Addr>().is_err();
    task.ask(Request {
        host: (*host).clone(),
        port: (!is_name).then_some(ECHO),
        seconds,
        format: (*host).clone(),
        output: count.into(),
        ..Request::new(Tool::Ping)
    })
}

/// What is asked of an address, once the name is known.
pub(in crate::runtime::shell) fn of_found(request: &Request, answer: &Answer) -> Option<Request> {
    let Answer::Found(found) = answer else { return None };
    let ip = Ipv4Addr::from(*found.ips.first()?);
    Some(Request { host: ip.to_string().into(), port: Some(ECHO), sent: false, ..request.clone() })
}

impl Task {
    /// What is told of the echoes.
    pub(in crate::runtime::shell) fn ping_ends(
        &mut self,
        request: &Request,
        answer: &Answer,
        world: &mut Surroundings<'_>,
    ) -> i32 {
        let name = &request.format;
        let Ok(ip) = request.host.parse::<Ipv4Addr>() else {
            self.write(true, &format!("ping: bad address '{name}'\n"), world);
            return 1;
        };
        let service = u32::from(ip) & SERVICES == DNS_ADDRESS & SERVICES;
        let answers = !service && matches!(answer, Answer::Refused | Answer::Empty | Answer::Http { .. });
        let count = request.output.parse::<u64>().unwrap_or(1);
        let mut text = format!("PING {name} ({ip}): 56 data bytes\n");
        if answers {
            for at in 0..count.min(MOST) {
                text.push_str(&format!("64 bytes from {ip}: seq={at} ttl=62 time=0.100 ms\n"));
            }
        }
        let (received, lost) = if answers { (count, 0) } else { (0, 100) };
        text.push_str(&format!(
            "\n--- {name} ping statistics ---\n{count} packets transmitted, {received} packets received, {lost}% packet loss\n"
        ));
        if answers {
            text.push_str("round-trip min/avg/max = 0.100/0.100/0.100 ms\n");
        }
        self.write(false, &text, world);
        i32::from(!answers)
    }
}
