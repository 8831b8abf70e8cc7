//! `wget`, `curl` and `nc`: programs that ask over the simulated network.

use crate::codec::Codec;
use crate::doc::Str;
use crate::sim::{DnsAnswer, Duration, Protocol, Time};

use super::super::server::{Server, Service};
use super::super::tasks::Dial;
use super::programs::{Done, ping};
use super::step::Surroundings;
use super::{Pending, Task, Wait};

/// What curl says of a certificate that it cannot trace back.
const UNKNOWN_AUTHORITY: &str = "(60) SSL certificate problem: unable to get local issuer certificate\nMore details here: \
                                 https://curl.se/docs/sslcerts.html\n\ncurl failed to verify the legitimacy of the server and \
                                 therefore could not\nestablish a secure connection to it. To learn more about this situation \
                                 and\nhow to fix it, please visit the webpage mentioned above.";

/// How long a connection is tried that nobody answers, when the program sets no limit of its own.
const PATIENCE: u64 = 127;
/// The same for agnhost when it asks others, in seconds.
const DIAL_PATIENCE: u64 = 5;

/// A request that a program sends.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub(in crate::runtime) struct Request {
    /// A name or an address.
    pub host: Str,
    /// The port to connect to; none to ask for the name only.
    pub port: Option<u32>,
    /// What it travels over.
    pub protocol: Protocol,
    /// The path of an HTTP request, its method, and what it sends.
    pub path: Str,
    pub method: Str,
    pub sends: Str,
    /// What that is, and who says so.
    pub content_type: Str,
    pub authorization: Str,
    /// Whether it wants TLS.
    pub tls: bool,
    /// Whether it takes any server's word for who that is, or knows an authority beside those of all the world.
    pub(super) trusts: bool,
    /// How long an answer may take, in seconds.
    pub seconds: u64,
    pub(super) sent: bool,
    pub(super) tool: Tool,
    pub(super) silent: bool,
    /// `curl -f`
    pub(super) fail: bool,
    /// `curl -i`, `curl -I`
    pub(super) headers: bool,
    pub(super) body: bool,
    /// Where the answer's text goes: empty for standard output.
    pub(super) output: Str,
    /// `curl -w`; the type of record that `dig` asks for
    pub(super) format: Str,
}

#[derive(Codec, Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Tool {
    Wget,
    Curl,
    Nslookup,
    Dig,
    Getent,
    Nc,
    Ping,
}

/// What came of a request.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(in crate::runtime) enum Answer {
    /// The name is not known.
    NoName,
    /// No server said anything about the name.
    NoServer,
    /// What the name leads to.
    Found(DnsAnswer),
    Refused,
    TimedOut,
    /// The connection was taken, and closed without a word.
    Empty,
    /// An HTTP answer.
    Http {
        /// Its status.
        status: u32,
        /// Its text.
        text: Str,
        /// Whether the server's certificate is of the cluster's own authority.
        own_authority: bool,
    },
}

/// Scheme and user aside: host, port and path of a URL.
fn parts(url: &str) -> (Str, u32, Str) {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let (authority, path) = rest.find(['/', '?']).map_or((rest, ""), |at| rest.split_at(at));
    let default = if scheme == "https" { 443 } else { 80 };
    let (host, port) = authority
        .rsplit_once(':')
        .and_then(|(host, port)| Some((host, port.parse().ok()?)))
        .unwrap_or((authority, default));
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    (host.into(), port, path.into())
}

fn seconds(text: &str) -> u64 {
    text.split('.').next().and_then(|whole| whole.parse().ok()).unwrap_or(1).max(1)
}

impl Task {
    pub(super) fn wget(&mut self, args: &[Str], world: &mut Surroundings<'_>) -> Done {
        let mut request = Request::new(Tool::Wget);
        let mut url = "";
        let mut rest = args.iter().map(Str::as_str);
        let mut spider = false;
        while let Some(arg) = rest.next() {
            match arg {
                "--spider" => spider = true,
                "-T" | "--timeout" | "-t" => {
                    let value = rest.next().unwrap_or("");
                    if arg != "-t" {
                        request.seconds = seconds(value);
                    }
                }
                "-O" | "--output-document" => request.output = rest.next().unwrap_or("-").into(),
                "--header" => request.header(rest.next().unwrap_or("")),
                "-U" => {
                    rest.next();
                }
                flag if flag.starts_with("--header=") => request.header(&flag[9..]),
                "--post-data" => request.post(rest.next().unwrap_or("")),
                flag if flag.starts_with("--post-data=") => request.post(&flag[12..]),
                "--quiet" => request.silent = true,
                flag if flag.starts_with("--timeout=") => request.seconds = seconds(&flag[10..]),
                flag if flag.starts_with("--") => {}
                flag if flag.starts_with('-') && flag.len() > 1 => {
                    request.silent |= flag.contains('q');
                    spider |= flag.contains('S') && flag == "-S";
                    if let Some(at) = flag.find('O') {
                        let file = &flag[at + 1..];
                        request.output =
                            if file.is_empty() { rest.next().unwrap_or("-").into() } else { file.into() };
                    } else if let Some(at) = flag.find('T') {
                        let value = &flag[at + 1..];
                        request.seconds =
                            seconds(if value.is_empty() { rest.next().unwrap_or("") } else { value });
                    }
                }
                word => url = word,
            }
        }
        if url.is_empty() {
            self.write(
                true,
                "BusyBox v1.37.0 multi-call binary.\n\nUsage: wget [-cqS] [--spider] [-O FILE] URL...\n",
                world,
            );
            return Done::Status(1);
        }
        let (host, port, path) = parts(url);
        if request.output.is_empty() && !spider {
            let name = path.rsplit('/').next().unwrap_or("").split('?').next().unwrap_or("");
            request.output = if name.is_empty() { "index.html".into() } else { name.into() };
        } else if request.output == "-" {
            request.output = Str::new();
        }
        request.body = !spider;
        request.tls = url.starts_with("https://");
        self.ask(Request { host, port: Some(port), path, ..request })
    }

    pub(super) fn curl(&mut self, args: &[Str], world: &mut Surroundings<'_>) -> Done {
        let mut request = Request::new(Tool::Curl);
        let (mut url, mut method) = ("", Str::new());
        let mut rest = args.iter().map(Str::as_str);
        while let Some(arg) = rest.next() {
            match arg {
                "-m" | "--max-time" | "--connect-timeout" => {
                    request.seconds = seconds(rest.next().unwrap_or(""));
                }
                "-o" | "--output" => request.output = rest.next().unwrap_or("").into(),
                "-w" | "--write-out" => request.format = rest.next().unwrap_or("").into(),
                "-X" | "--request" => method = Str::from(rest.next().unwrap_or("")),
                "-d" | "--data" | "--data-raw" => request.post(rest.next().unwrap_or("")),
                "-H" | "--header" => request.header(rest.next().unwrap_or("")),
                "--cacert" => {
                    request.trusts = true;
                    rest.next();
                }
                "-A" | "-u" | "--retry" | "--retry-delay" | "--resolve" => {
                    rest.next();
                }
                "--insecure" => request.trusts = true,
                flag if flag.starts_with("--cacert=") => request.trusts = true,
                "--silent" => request.silent = true,
                "--fail" => request.fail = true,
                "--head" => (request.headers, request.body) = (true, false),
                "--include" => request.headers = true,
                flag if flag.starts_with("--") => {}
                flag if flag.starts_with('-') && flag.len() > 1 => {
                    request.silent |= flag.contains('s');
                    request.fail |= flag.contains('f');
                    request.trusts |= flag.contains('k');
                    request.headers |= flag.contains(['i', 'I']);
                    request.body &= !flag.contains('I');
                    match flag.chars().last() {
                        Some('o') => request.output = rest.next().unwrap_or("").into(),
                        Some('w') => request.format = rest.next().unwrap_or("").into(),
                        Some('H') => request.header(rest.next().unwrap_or("")),
                        Some('m') => request.seconds = seconds(rest.next().unwrap_or("")),
                        _ => {}
                    }
                }
                word => url = word,
            }
        }
        if url.is_empty() {
            self.write(true, "curl: try 'curl --help' or 'curl --manual' for more information\n", world);
            return Done::Status(2);
        }
        if !method.is_empty() {
            request.method = method;
        } else if !request.body {
            request.method = "HEAD".into();
        }
        request.tls = url.starts_with("https://");
        let (host, port, path) = parts(url);
        self.ask(Request { host, port: Some(port), path, ..request })
    }

    /// `nc -z HOST PORT`, `nc -u HOST PORT` with something to say, or `nc -l`.
    pub(super) fn nc(&mut self, args: &[Str]) -> Done {
        let (mut listens, mut datagrams, mut scans) = (false, false, false);
        let (mut host, mut port, mut limit) = (None, None, PATIENCE);
        let mut rest = args.iter().map(Str::as_str);
        while let Some(word) = rest.next() {
            let Some(flags) = word.strip_prefix('-') else {
                match word.parse::<u32>() {
                    Ok(number) if listens || host.is_some() => port = Some(number),
                    _ => host = Some(word),
                }
                continue;
            };
            listens |= flags.contains('l');
            datagrams |= flags.contains('u');
            scans |= flags.contains('z');
            if let Some(at) = flags.find(['w', 'p', 's', 'i', 'q']) {
                // `-w1` as well as `-w 1`
                let value = if at + 1 < flags.len() { &flags[at + 1..] } else { rest.next().unwrap_or("") };
                match &flags[at..=at] {
                    "w" => limit = seconds(value),
                    "p" => port = value.parse().ok(),
                    _ => {}
                }
            }
        }
        let (port, protocol) = (port.unwrap_or(0), if datagrams { Protocol::Udp } else { Protocol::Tcp });
        if listens {
            self.serves = Some(Server { ports: vec![(protocol, port)], service: Service::Silent });
            return Done::Waits(Wait::Forever, None);
        }
        let says = self.io.input.clone().filter(|_| !scans).unwrap_or_default();
        let host = host.unwrap_or("localhost").into();
        let base = Request {
            host,
            port: Some(port),
            protocol,
            seconds: limit,
            body: !says.is_empty(),
            ..Request::new(Tool::Nc)
        };
        if datagrams {
            return self.ask(Request { method: Str::new(), path: Str::new(), sends: says, ..base });
        }
        // What is said over a connection counts where it is HTTP.
        let (head, sends) =
            says.split_once("\n\r\n").or_else(|| says.split_once("\n\n")).unwrap_or((&says, ""));
        let mut words = head.lines().next().unwrap_or("").split(' ');
        match (words.next(), words.next(), words.next()) {
            (Some(method), Some(path), Some(version)) if version.starts_with("HTTP/") => {
                let (method, path, sends) = (method.into(), path.into(), sends.into());
                self.ask(Request { method, path, sends, headers: true, ..base })
            }
            _ => self.ask(Request { method: Str::new(), path: Str::new(), body: false, ..base }),
        }
    }

    pub(super) fn ask(&mut self, request: Request) -> Done {
        Done::Waits(Wait::Answer(Box::new(request)), None)
    }

    /// The answer to the request that is under way.
    pub(in crate::runtime) fn answered(&mut self, answer: &Answer, world: &mut Surroundings<'_>) {
        let Some(Pending { what: Wait::Answer(request), deadline }) = self.pending.clone() else { return };
        self.status = match request.tool {
            Tool::Wget => self.wget_ends(&request, answer, world),
            Tool::Curl => self.curl_ends(&request, answer, world),
            Tool::Nslookup | Tool::Dig | Tool::Getent => self.lookup_ends(&request, answer, world),
            Tool::Nc => self.nc_ends(&request, answer, world),
            Tool::Ping => match ping::of_found(&request, answer) {
                Some(next) => {
                    self.pending = Some(Pending { what: Wait::Answer(Box::new(next)), deadline });
                    return;
                }
                None => self.ping_ends(&request, answer, world),
            },
        };
        self.go_on();
    }

    fn wget_ends(&mut self, request: &Request, answer: &Answer, world: &mut Surroundings<'_>) -> i32 {
        let host = &request.host;
        let why = match answer {
            Answer::NoName | Answer::NoServer | Answer::Found(_) => format!("bad address '{host}'"),
            Answer::Refused => format!("can't connect to remote host ({host}): Connection refused"),
            Answer::TimedOut if request.seconds == PATIENCE => {
                format!("can't connect to remote host ({host}): Operation timed out")
            }
            Answer::TimedOut => "download timed out".into(),
            Answer::Empty => "error getting response".into(),
            Answer::Http { status, .. } if *status >= 400 => {
                format!("server returned error: HTTP/1.1 {status} {}", phrase(*status))
            }
            Answer::Http { text, .. } => {
                let port = request.port.unwrap_or(80);
                let name = if request.output.is_empty() { "stdout" } else { request.output.as_str() };
                if !request.silent {
                    let whole = if port == 80 { host.to_string() } else { format!("{host}:{port}") };
                    self.write(true, &format!("Connecting to {whole}\n"), world);
                }
                if !request.body {
                    if !request.silent {
                        self.write(true, "remote file exists\n", world);
                    }
                    return 0;
                }
                if !request.silent && request.output.is_empty() {
                    self.write(true, "writing to stdout\n", world);
                } else if !request.silent {
                    self.write(true, &format!("saving to '{name}'\n"), world);
                }
                self.deliver(request, text, world);
                if !request.silent {
                    let bar = format!("{name:<20} 100% |{}|{:>6}  0:00:00 ETA\n", "*".repeat(32), text.len());
                    self.write(true, &bar, world);
                    let end = if request.output.is_empty() {
                        "written to stdout\n".into()
                    } else {
                        format!("'{name}' saved\n")
                    };
                    self.write(true, &end, world);
                }
                return 0;
            }
        };
        self.write(true, &format!("wget: {why}\n"), world);
        1
    }

    fn deliver(&mut self, request: &Request, text: &str, world: &mut Surroundings<'_>) {
        match request.output.as_str() {
            "" | "-" => self.write(false, text, world),
            "/dev/null" => {}
            file => {
                let path = super::files::absolute(&self.directory, file);
                if let Err(why) = world.place.write(&path, text, false) {
                    self.write(true, &format!("can't open '{file}': {why}\n"), world);
                }
            }
        }
    }

    fn curl_ends(&mut self, request: &Request, answer: &Answer, world: &mut Surroundings<'_>) -> i32 {
        let (host, port) = (&request.host, request.port.unwrap_or(80));
        let (code, why, status) = match answer {
            Answer::NoName | Answer::NoServer | Answer::Found(_) => {
                (6, format!("(6) Could not resolve host: {host}"), 0)
            }
            Answer::Refused => (
                7,
                format!("(7) Failed to connect to {host} port {port} after 1 ms: Couldn't connect to server"),
                0,
            ),
            Answer::TimedOut => {
                let waited = request.seconds * 1000;
                (28, format!("(28) Connection timed out after {waited} milliseconds"), 0)
            }
            Answer::Empty => (52, "(52) Empty reply from server".into(), 0),
            Answer::Http { own_authority: true, .. } if request.tls && !request.trusts => {
                (60, UNKNOWN_AUTHORITY.into(), 0)
            }
            Answer::Http { status, .. } if request.fail && *status >= 400 => {
                (22, format!("(22) The requested URL returned error: {status}"), *status)
            }
            Answer::Http { status, text, .. } => {
                if request.headers {
                    self.write(false, &head(*status, text), world);
                }
                if request.body {
                    self.deliver(request, text, world);
                }
                (0, String::new(), *status)
            }
        };
        let silent = request.silent;
        if code != 0 && !silent {
            self.write(true, &format!("curl: {why}\n"), world);
        }
        let text = request
            .format
            .replace("%{http_code}", &format!("{status:03}"))
            .replace("%{response_code}", &format!("{status:03}"))
            .replace("\\n", "\n");
        self.write(false, &text, world);
        code
    }

    fn nc_ends(&mut self, request: &Request, answer: &Answer, world: &mut Surroundings<'_>) -> i32 {
        match answer {
            Answer::Http { status, text, .. } if request.body => {
                let head = if request.headers { head(*status, text) } else { String::new() };
                self.write(false, &format!("{head}{text}"), world);
                0
            }
            Answer::Http { .. } | Answer::Empty => 0,
            // Nobody has to answer a datagram.
            Answer::TimedOut if request.protocol == Protocol::Udp => 0,
            _ => 1,
        }
    }
}

/// What stands before the text of an answer.
fn head(status: u32, text: &str) -> String {
    let phrase = phrase(status);
    format!("HTTP/1.1 {status} {phrase}\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n", text.len())
}

fn phrase(status: u32) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        405 => "Method Not Allowed",
        409 => "Conflict",
        422 => "Unprocessable Entity",
        404 => "Not Found",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Status",
    }
}

impl Request {
    /// A header that it sends: those count that the API server reads.
    fn header(&mut self, line: &str) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        match name.to_ascii_lowercase().as_str() {
            "authorization" => self.authorization = value.trim().into(),
            "content-type" => self.content_type = value.trim().into(),
            _ => {}
        }
    }

    fn post(&mut self, text: &str) {
        let joint = if self.sends.is_empty() { "" } else { "&" };
        self.method = "POST".into();
        self.sends = format!("{}{joint}{text}", self.sends).into();
    }

    pub(super) fn new(tool: Tool) -> Request {
        Request {
            host: Str::new(),
            port: None,
            protocol: Protocol::Tcp,
            path: "/".into(),
            method: "GET".into(),
            sends: Str::new(),
            content_type: Str::new(),
            authorization: Str::new(),
            trusts: false,
            tls: false,
            seconds: PATIENCE,
            sent: false,
            tool,
            silent: false,
            fail: false,
            headers: false,
            body: true,
            output: Str::new(),
            format: Str::new(),
        }
    }

    /// What agnhost sends when it asks others.
    pub fn dial(dial: &Dial) -> Request {
        let base = Request {
            host: dial.host.clone(),
            port: Some(dial.port),
            protocol: dial.protocol,
            seconds: DIAL_PATIENCE,
            ..Request::new(Tool::Curl)
        };
        if dial.protocol == Protocol::Tcp {
            return Request { path: format!("/{}", dial.request).into(), ..base };
        }
        Request { method: Str::new(), path: Str::new(), sends: dial.request.clone(), ..base }
    }

    /// When it is given up.
    pub fn deadline(&self, now: Time) -> Time {
        now + Duration::seconds(self.seconds)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn reads_urls() {
        for (url, host, port, path) in [
            ("http://todo-api:8080", "todo-api", 8080, "/"),
            ("https://web/path?x=1:2", "web", 443, "/path?x=1:2"),
            ("10.96.3.4:90/a", "10.96.3.4", 90, "/a"),
        ] {
            let found = super::parts(url);
            assert_eq!((found.0.as_str(), found.1, found.2.as_str()), (host, port, path));
        }
    }
}
