//! `nslookup`, `dig` and `getent hosts`: programs that ask for names only.

use std::net::Ipv4Addr;

use crate::doc::Str;
use crate::network::DNS_ADDRESS;
use crate::sim::DnsAnswer;

use super::Task;
use super::programs::Done;
use super::requests::{Answer, Request, Tool};
use super::step::Surroundings;

/// How long a name server is waited for, in seconds.
const PATIENCE: u64 = 10;
/// How long CoreDNS lets its answers be kept, in seconds.
const KEPT: u64 = 30;

impl Task {
    /// `nslookup [-type=TYPE] HOST`
    pub(super) fn nslookup(&mut self, args: &[Str], world: &mut Surroundings<'_>) -> Done {
        let typed = args.iter().find_map(|arg| {
            let (flag, of) = arg.split_once('=')?;
            ["-t", "-ty", "-typ", "-type", "-q", "-query", "-querytype"].contains(&flag).then_some(of)
        });
        let mut format = typed.unwrap_or("A").to_ascii_uppercase();
        if !["A", "AAAA", "ANY", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT"].contains(&format.as_str()) {
            let why = format!("nslookup: invalid query type \"{}\"\n", typed.unwrap_or(""));
            self.write(true, &why, world);
            return Done::Status(1);
        }
        let Some(name) = args.iter().find(|arg| !arg.starts_with('-')) else {
            self.write(true, "Usage: nslookup [-type=QUERY_TYPE] [-debug] HOST [DNS_SERVER]\n", world);
            return Done::Status(1);
        };
        let mut host = name.clone();
        if (typed.is_none() || format == "PTR") && name.parse::<Ipv4Addr>().is_ok() {
            (host, format) = (backwards(name).into(), "PTR".into());
        }
        let format = format.into();
        self.ask(Request { host, format, seconds: PATIENCE, ..Request::new(Tool::Nslookup) })
    }

    /// `getent hosts NAME`
    pub(super) fn getent(&mut self, args: &[Str]) -> Done {
        match args {
            [database, name] if matches!(database.as_str(), "hosts" | "ahosts" | "ahostsv4") => {
                self.ask(Request { host: name.clone(), seconds: PATIENCE, ..Request::new(Tool::Getent) })
            }
            _ => Done::Status(2),
        }
    }

    /// `dig [+short] [+search] [-x ADDRESS | NAME] [TYPE]`
    pub(super) fn dig(&mut self, args: &[Str]) -> Done {
        let mut request =
            Request { seconds: PATIENCE, headers: true, format: "A".into(), ..Request::new(Tool::Dig) };
        let (mut name, mut searches) = (String::new(), false);
        let mut rest = args.iter().map(Str::as_str);
        while let Some(arg) = rest.next() {
            match arg {
                "+short" => request.silent = true,
                "+search" => searches = true,
                "+noall" => request.headers = false,
                "-t" => request.format = rest.next().unwrap_or("A").to_ascii_uppercase().into(),
                "-x" => {
                    name = backwards(rest.next().unwrap_or(""));
                    request.format = "PTR".into();
                }
                "A" | "AAAA" | "CNAME" | "PTR" | "SRV" | "a" | "aaaa" | "cname" | "ptr" | "srv" => {
                    request.format = arg.to_ascii_uppercase().into();
                }
                flag if flag.starts_with(['+', '-', '@']) => {}
                word => name = word.to_owned(),
            }
        }
        // Without a search path a name is taken as it is.
        if !searches && !name.ends_with('.') {
            name.push('.');
        }
        self.ask(Request { host: name.into(), ..request })
    }

    /// The answer to a request for a name.
    pub(super) fn lookup_ends(
        &mut self,
        request: &Request,
        answer: &Answer,
        world: &mut Surroundings<'_>,
    ) -> i32 {
        let found = match answer {
            Answer::Found(found) => Some(found),
            _ => None,
        };
        let is_silent = !matches!(answer, Answer::Found(_) | Answer::NoName);
        let server = Ipv4Addr::from(DNS_ADDRESS);
        match (&request.tool, found) {
            (Tool::Getent, None) => 2,
            (Tool::Getent, Some(found)) => {
                let name = found.aliases.last().unwrap_or(&found.name);
                for ip in &found.ips {
                    self.write(false, &format!("{:<15} {name}\n", Ipv4Addr::from(*ip).to_string()), world);
                }
                if found.ips.is_empty() { 2 } else { 0 }
            }
            (Tool::Dig, _) if is_silent => {
                let why = format!(
                    ";; communications error to {server}#53: timed out\n;; no servers could be reached\n"
                );
                self.write(false, &why, world);
                9
            }
            (Tool::Dig, found) => {
                let text = dug(request, found);
                self.write(false, &text, world);
                0
            }
            (_, Some(found)) => {
                let text = looked_up(request, found);
                self.write(false, &format!("Server:\t\t{server}\nAddress:\t{server}:53\n\n{text}\n"), world);
                0
            }
            _ if is_silent => {
                self.write(true, ";; connection timed out; no servers could be reached\n\n", world);
                1
            }
            _ => {
                let why = format!(
                    "Server:\t\t{server}\nAddress:\t{server}:53\n\n** server can't find {}: NXDOMAIN\n\n",
                    request.host
                );
                self.write(false, &why, world);
                1
            }
        }
    }
}

/// `10.0.96.10.in-addr.arpa`: an address as a name.
fn backwards(address: &str) -> String {
    let back: Vec<&str> = address.split('.').rev().collect();
    format!("{}.in-addr.arpa", back.join("."))
}

/// What `nslookup` prints of the answer.
fn looked_up(request: &Request, found: &DnsAnswer) -> String {
    let line = |(name, of, says): &(Str, &str, String)| {
        let says = says.trim_end_matches('.');
        match *of {
            "A" => format!("Name:\t{name}\nAddress: {says}\n"),
            "CNAME" => format!("{name}\tcanonical name = {says}\n"),
            "SRV" => format!("{name}\tservice = {says}\n"),
            _ => format!("{name}\tname = {says}\n"),
        }
    };
    let text: String = records(found, &request.format).iter().map(line).collect();
    if text.is_empty() { format!("*** Can't find {}: No answer\n", request.host) } else { text }
}

/// The records of one type: name, type and what it says, those that lead to it before it.
fn records(found: &DnsAnswer, wanted: &str) -> Vec<(Str, &'static str, String)> {
    let mut name = found.name.clone();
    let mut all = Vec::new();
    for alias in &found.aliases {
        all.push((name, "CNAME", format!("{alias}.")));
        name = alias.clone();
    }
    match wanted {
        "CNAME" => {}
        "SRV" => {
            let of = |(port, host): &(u32, Str)| (name.clone(), "SRV", format!("0 100 {port} {host}."));
            all.extend(found.services.iter().map(of));
        }
        "PTR" => all.extend(found.pointers.iter().map(|host| (name.clone(), "PTR", format!("{host}.")))),
        // A named port has hosts, and no address of its own.
        "A" if found.services.is_empty() => {
            all.extend(found.ips.iter().map(|ip| (name.clone(), "A", Ipv4Addr::from(*ip).to_string())));
        }
        _ => {}
    }
    all
}

/// What `dig` prints.
fn dug(request: &Request, found: Option<&DnsAnswer>) -> String {
    let records = found.map_or(Vec::new(), |found| records(found, &request.format));
    if request.silent {
        return records.iter().map(|(_, _, says)| format!("{says}\n")).collect();
    }
    let line = |(name, of, says): &(Str, &str, String)| format!("{name}.\t{KEPT}\tIN\t{of}\t{says}\n");
    let answer: String = records.iter().map(line).collect();
    if !request.headers {
        return answer;
    }
    let (asked, of) = (request.host.trim_end_matches('.'), &request.format);
    let status = if found.is_some() { "NOERROR" } else { "NXDOMAIN" };
    let section = if answer.is_empty() { String::new() } else { format!(";; ANSWER SECTION:\n{answer}\n") };
    let server = Ipv4Addr::from(DNS_ADDRESS);
    format!(
        "\n; <<>> DiG 9.20 <<>> {asked} {of}\n;; global options: +cmd\n;; Got answer:\n;; ->>HEADER<<- opcode: QUERY, status: \
         {status}, id: 1\n;; flags: qr aa rd; QUERY: 1, ANSWER: {}, AUTHORITY: 0, ADDITIONAL: 0\n\n;; QUESTION \
         SECTION:\n;{asked}.\t\tIN\t{of}\n\n{section};; Query time: 1 msec\n;; SERVER: {server}#53({server}) (UDP)\n\n",
        records.len()
    )
}
