//! A program in a container: what it writes is told as it comes, and what is typed goes to it.

use shared::{
    cluster::{HttpRequest, HttpResponse, ProgramOutput},
    scenario::RequestStep,
};

use crate::{protocol::TerminalKeys, worker::driver::Driver};

/// A program that runs, and what was told of it.
pub(super) struct Inside {
    /// The number of the request that runs it.
    number: u32,
    path: String,
    /// The name of the connection to it.
    stream: String,
    /// Whether it has a terminal, so that people can type to it.
    pub tty: bool,
    /// How many parts of its output are in these.
    known: u64,
    stdout: String,
    stderr: String,
    /// Whether nothing came since it was asked for something: then time goes on until that is so, even where it stands.
    pub waits: bool,
}

impl Inside {
    /// Lets the cluster run what a request is about, as request `number`.
    pub fn begin(request: HttpRequest, number: u32, driver: &mut Driver) -> Self {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let tty = query.split('&').any(|pair| pair == "tty=true");
        // What reads no keys is given all of its input at once, and then finds its end.
        let kept: Vec<&str> = query.split('&').filter(|pair| tty || *pair != "stdin=true").collect();
        // Names are drawn from the moment too: a log has those of other sessions at this terminal.
        let stream = format!("terminal-{}-{number}", driver.replica().cluster().now().0);
        let inside = Self {
            number,
            path: path.to_owned(),
            tty,
            known: 0,
            stdout: String::new(),
            stderr: String::new(),
            waits: true,
            stream,
        };
        let whole = format!("{path}?{}&stream={}", kept.join("&"), inside.stream);
        driver.request(number, RequestStep::from(HttpRequest { path: whole.into(), ..request }));
        inside
    }

    /// Whether it is what a request with this number runs.
    pub fn is(&self, number: u32) -> bool {
        self.number == number
    }

    /// What it wrote so far, to both outputs.
    pub fn written(&self) -> (&str, &str) {
        (&self.stdout, &self.stderr)
    }

    /// Takes in what it wrote since.
    pub fn look(&mut self, driver: &mut Driver) {
        if let Some(output) = driver.replica().output(self.number) {
            self.take(output);
        }
    }

    fn take(&mut self, output: &ProgramOutput) {
        for (to_err, text) in output.after(self.known).into_iter().flatten() {
            let into = if *to_err { &mut self.stderr } else { &mut self.stdout };
            into.push_str(text);
            self.known += 1;
            self.waits = false;
        }
    }

    /// The answer at its end, with all that it wrote.
    pub fn ended(&mut self, mut response: HttpResponse) -> HttpResponse {
        self.take(&ProgramOutput::read(&response.body));
        if response.is_success() {
            response.body.set("stdout", self.stdout.as_str());
            response.body.set("stderr", self.stderr.as_str());
        }
        response
    }

    /// Brings it what was typed, as request `number`.
    pub fn keys(&mut self, keys: &TerminalKeys, number: u32, driver: &mut Driver) {
        let (send, text) = match keys {
            TerminalKeys::Line(line) => ("stdin", line.as_str()),
            TerminalKeys::End => ("end", ""),
            TerminalKeys::Interrupt => ("INT", ""),
            TerminalKeys::HangUp => ("close", ""),
        };
        let request = HttpRequest {
            method: "POST".into(),
            path: format!("{}?stream={}&send={send}", self.path, self.stream).into(),
            body: text.into(),
            ..HttpRequest::default()
        };
        self.waits = true;
        driver.request(number, RequestStep::from(request));
    }
}
