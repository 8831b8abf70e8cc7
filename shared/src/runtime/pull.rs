//! Pulling images: one at a time, into a cache that survives everything.

use crate::api::Uid;
use crate::codec::Codec;
use crate::doc::Str;
use crate::sim::{Causes, Context, CriEvent, Duration, Time, Timer};

use super::Runtime;
use super::image::{Found, full_reference, repository};

/// Bytes a second, and what every pull takes before the first byte.
const BYTES_PER_MS: u64 = 30_000;
const RESOLVE: Duration = Duration::millis(300);

/// A pull under way.
#[derive(Codec, Clone, Debug, Hash)]
pub struct Pull {
    /// The image reference.
    pub image: Str,
    /// Whose turn it is now ends here; the next pull begins then.
    pub until: Time,
    /// When the transfer began or will begin.
    pub begins: Time,
    /// Who waits for it, since when, and why: one pull serves many requests, and each is answered as its own.
    pub waiting: Vec<(Uid, Str, Time, Causes)>,
}

impl Runtime {
    pub(super) fn pull(&mut self, pod: Uid, container: Str, image: Str, cx: &mut Context<'_>) {
        let now = cx.now();
        let waiter = (pod, container, now, cx.causes.clone());
        if let Some(pull) = self.pulls.values_mut().find(|pull| pull.image == image) {
            pull.waiting.push(waiter);
            return;
        }
        let begins = self.pulls.values().map(|pull| pull.until).fold(now, Time::max);
        let pull = Pull { until: begins + self.pull_time(&image, cx), begins, waiting: vec![waiter], image };
        let number = self.fresh_number();
        cx.timer(pull.until.since(now), Timer { number, ..Timer::named("pulled") });
        self.pulls.insert(number, pull);
    }

    fn pull_time(&self, image: &Str, cx: &Context<'_>) -> Duration {
        let Some(spec) = self.images.find_to_pull(image).spec() else { return RESOLVE };
        if self.cached.contains_key(image) {
            // Only asks the registry whether the cached one is current.
            return cx.core.options.image_pull.unwrap_or(RESOLVE).min(RESOLVE);
        }
        let by_size = RESOLVE + Duration::millis(spec.size / BYTES_PER_MS);
        spec.pull.or(cx.core.options.image_pull).unwrap_or(by_size)
    }

    pub(super) fn pulled(&mut self, number: u64, cx: &mut Context<'_>) {
        let Some(pull) = self.pulls.remove(&number) else { return };
        let size = match self.images.find_to_pull(&pull.image) {
            Found::UnknownTag if self.images.is_of_node(&pull.image) => Err(unreached(&pull.image, true)),
            Found::UnknownTag if self.images.is_of_nobody(&pull.image) => Err(unreached(&pull.image, false)),
            Found::UnknownTag => Err(not_found(&pull.image)),
            Found::Known(spec) | Found::StandIn(spec) => Ok(spec.size),
        };
        if let Ok(bytes) = size {
            self.cached.insert(pull.image.clone(), bytes);
        }
        for (pod, container, since, causes) in pull.waiting {
            let event = match &size {
                Ok(bytes) => CriEvent::ImageReady {
                    pod,
                    container,
                    image: pull.image.clone(),
                    bytes: *bytes,
                    pull_ms: cx.now().since(pull.begins.max(since)).0,
                    total_ms: cx.now().since(since).0,
                },
                Err(why) => CriEvent::ImageFailed { pod, container, why: why.clone() },
            };
            cx.because(causes, |cx| self.tell(event, cx));
        }
    }
}

/// As containerd words it: no registry runs on the nodes, and no name leads to one that nobody has.
fn unreached(image: &str, here: bool) -> Str {
    let full = full_reference(image);
    let (host, rest) = full.split_once('/').unwrap_or(("", &full));
    let name = repository(rest);
    let tag = rest[name.len()..].trim_start_matches([':', '@']);
    let (domain, port) = host.split_once(':').unwrap_or((host, "80"));
    let (scheme, why) = match here {
        true => ("http", format!("dial tcp 127.0.0.1:{port}: connect: connection refused")),
        false => ("https", format!("dial tcp: lookup {domain} on 172.18.0.1:53: no such host")),
    };
    format!(
        "rpc error: code = Unknown desc = failed to pull and unpack image \"{full}\": failed to resolve reference \"{full}\": \
         failed to do request: Head \"{scheme}://{host}/v2/{name}/manifests/{tag}\": {why}"
    )
    .into()
}

/// As containerd words it.
fn not_found(image: &str) -> Str {
    let full = full_reference(image);
    format!(
        "rpc error: code = NotFound desc = failed to pull and unpack image \"{full}\": failed to resolve reference \
         \"{full}\": {full}: not found"
    )
    .into()
}
