//! The image catalogue: what the containers of an image do.

use serde::{Deserialize, Serialize};

use crate::api::Uid;
use crate::codec::Codec;
use crate::collections::{BTreeMap, BTreeSet};
use crate::doc::{Doc, Str};
use crate::sim::{Duration, hash_of};

mod amount;
mod system;
mod tags;

pub(super) use system::os_release;

/// The memory of an image that says nothing of it.
const UNSAID_MEMORY: u64 = 32 << 20;

/// What containers of an image do; the `images` of a scenario, keyed by reference (`todo-api:v1.2`).
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ImageSpec {
    /// Ports it listens on; empty for none.
    pub ports: Vec<u32>,
    /// From start to being up; `containerStart` of the options when unset.
    pub start: Option<Duration>,
    /// From being up to answering requests and probes.
    pub ready_delay: Duration,
    /// After how long it ends by itself; never when unset.
    pub exit_after: Option<Duration>,
    /// The exit code of that.
    pub exit_code: i32,
    /// From SIGTERM to its end; `containerStop` of the options when unset.
    pub stop: Option<Duration>,
    /// CPU it uses when idle, in thousandths of a core; written as a quantity (`250m`).
    #[serde(rename = "cpu", with = "amount::cpu")]
    pub cpu_milli: u32,
    /// CPU time that a request costs it.
    pub request_cpu: Duration,
    /// Memory it uses, in bytes; may be written as a quantity (`64Mi`). Of an image that says nothing of it, no more
    /// than its limit allows.
    #[serde(with = "amount::memory")]
    pub memory: u64,
    /// Size of the image in bytes.
    pub size: u64,
    /// How long a pull takes; by size when unset and `imagePull` is not set either.
    pub pull: Option<Duration>,
    /// What it logs when it is up.
    pub logs: Vec<Str>,
    /// What it logs when it ends by itself.
    pub exit_logs: Vec<Str>,
    /// The text of its HTTP answers, before ` from POD`; the image reference when empty.
    pub answer: Str,
    /// How many of a hundred requests it answers with `failStatus`.
    pub fail_percent: u32,
    /// The HTTP status of those.
    pub fail_status: u32,
    /// The directory whose files it serves, if it does.
    pub root: Str,
    /// Whether what it says on its ports is HTTP.
    pub http: bool,
    /// Sends a request a second to the URL in its environment variable `TARGET`.
    pub client: bool,
    /// Is a metrics-server: asks kubelets what is used, and answers for `metrics.k8s.io`.
    pub scrapes: bool,
    /// Pulls of this reference fail, as for a tag that does not exist.
    pub missing: bool,
}

impl Default for ImageSpec {
    fn default() -> ImageSpec {
        ImageSpec {
            ports: Vec::new(),
            start: None,
            ready_delay: Duration::ZERO,
            exit_after: None,
            exit_code: 0,
            stop: None,
            cpu_milli: 10,
            request_cpu: Duration::millis(5),
            memory: UNSAID_MEMORY,
            size: 50_000_000,
            pull: None,
            logs: Vec::new(),
            exit_logs: Vec::new(),
            answer: Str::new(),
            fail_percent: 0,
            fail_status: 500,
            root: Str::new(),
            http: true,
            client: false,
            scrapes: false,
            missing: false,
        }
    }
}

impl ImageSpec {
    /// The memory that its own program uses under a limit.
    pub fn memory_under(&self, limit: Option<u64>) -> u64 {
        match limit {
            Some(limit) if self.memory == UNSAID_MEMORY => self.memory.min(limit / 2),
            _ => self.memory,
        }
    }

    /// Whether it brings tools only: its own program is a shell that has nothing to do.
    pub fn is_toolbox(&self) -> bool {
        self.exit_after == Some(Duration::ZERO)
    }
}

/// The image catalogue, by full reference (`docker.io/library/nginx:latest`).
#[derive(Codec, Clone, Debug, Hash)]
pub struct Images {
    by_reference: BTreeMap<Str, ImageSpec>,
    /// Repositories of which the catalogue knows all tags that exist.
    tagged: BTreeMap<Str, bool>,
    stand_in: ImageSpec,
    /// References that their registry has no longer.
    lost: BTreeSet<Str>,
}

/// What an image reference leads to.
#[derive(Clone, Copy, Debug)]
pub enum Found<'a> {
    /// The catalogue has it.
    Known(&'a ImageSpec),
    /// The catalogue does not know the repository: a program that answers on any port and runs for ever, or for a while
    /// where the pod waits for its end.
    StandIn(&'a ImageSpec),
    /// The repository is known and has no such tag.
    UnknownTag,
}

impl<'a> Found<'a> {
    /// What the image does, if it can be had.
    pub fn spec(self) -> Option<&'a ImageSpec> {
        match self {
            Found::Known(spec) | Found::StandIn(spec) => Some(spec),
            Found::UnknownTag => None,
        }
    }
}

impl Images {
    /// The built-in catalogue with a scenario's additions.
    pub fn new(specs: &BTreeMap<Str, ImageSpec>) -> Images {
        let mut images = Images {
            by_reference: BTreeMap::new(),
            tagged: BTreeMap::new(),
            stand_in: ImageSpec::default(),
            lost: BTreeSet::new(),
        };
        images.stand_in.answer = "200 OK".into();
        for (reference, spec) in built_in() {
            images.add(reference, spec, true);
        }
        let servers = SERVERS.map(|(name, _)| name);
        for any_tag in servers.into_iter().chain(TOOLBOXES.map(|(name, _)| name)).chain([PAUSE]).chain(E2E) {
            // Real repositories with more tags than anybody would list here (`tags`).
            images.tagged.insert(repository(&full_reference(any_tag)).into(), false);
        }
        for (reference, spec) in specs {
            images.add(reference, spec.clone(), true);
        }
        images
    }

    fn add(&mut self, reference: &str, spec: ImageSpec, tagged: bool) {
        let full = full_reference(reference);
        self.tagged.entry(repository(&full).into()).or_insert(tagged);
        self.by_reference.insert(full.into(), spec);
    }

    /// Takes `image` out of its registry, or puts it back.
    pub fn lose(&mut self, image: &str, lost: bool) {
        let full = full_reference(image).into();
        if lost {
            self.lost.insert(full);
        } else {
            self.lost.remove(&full);
        }
    }

    /// The references that their registry has no longer, in full.
    pub fn lost(&self) -> &BTreeSet<Str> {
        &self.lost
    }

    /// Whether nobody but the node itself is asked for an image, where no registry runs.
    pub fn is_of_node(&self, image: &str) -> bool {
        let host = image.split_once('/').map_or("", |(domain, _)| domain.split(':').next().unwrap_or(""));
        matches!(host, "localhost" | "127.0.0.1") && !self.tagged.contains_key(repository(image))
    }

    /// Whether an image is of a host that nobody has (RFC 6761, and what Kubernetes' own tests take for one).
    pub fn is_of_nobody(&self, image: &str) -> bool {
        let host = image.split_once('/').map_or("", |(domain, _)| domain.split(':').next().unwrap_or(""));
        let nobody = host.ends_with(".invalid") || host.starts_with("invalid.");
        nobody && !self.tagged.contains_key(repository(image))
    }

    /// What the registry has of `image` for who pulls it.
    pub fn find_to_pull(&self, image: &str) -> Found<'_> {
        let lost = !self.lost.is_empty() && self.lost.contains(full_reference(image).as_str());
        if lost { Found::UnknownTag } else { self.find(image) }
    }

    /// What `image` leads to.
    pub fn find(&self, image: &str) -> Found<'_> {
        let full = full_reference(image);
        if let Some(spec) = self.by_reference.get(full.as_str()) {
            return if spec.missing { Found::UnknownTag } else { Found::Known(spec) };
        }
        let repository = repository(&full);
        match self.tagged.get(repository) {
            Some(true) => Found::UnknownTag,
            // What a digest names is believed, and so are the tags of Kubernetes' own images for tests.
            Some(false)
                if !full.contains('@')
                    && !E2E.contains(&repository)
                    && !tags::is_plausible(&full[repository.len() + 1..]) =>
            {
                Found::UnknownTag
            }
            Some(false) => {
                let latest = [repository, ":latest"].concat();
                self.by_reference.get(latest.as_str()).map_or(Found::StandIn(&self.stand_in), Found::Known)
            }
            None if self.is_of_node(&full) || self.is_of_nobody(&full) => Found::UnknownTag,
            None => Found::StandIn(&self.stand_in),
        }
    }
}

/// The servers whose images people know, and the programs that they bring beside those of their system.
const SERVERS: [(&str, &[&str]); 4] = [
    ("nginx", &["nginx", "nginx-debug"]),
    ("httpd", &["httpd", "httpd-foreground", "apachectl", "ab", "htpasswd", "rotatelogs"]),
    ("redis", &["redis-server", "redis-cli", "redis-sentinel", "redis-benchmark", "docker-entrypoint.sh"]),
    (
        "postgres",
        &[
            "postgres",
            "psql",
            "pg_isready",
            "pg_dump",
            "pg_ctl",
            "initdb",
            "createdb",
            "docker-entrypoint.sh",
        ],
    ),
];

/// Images with tools and nothing that would go on by itself, and their sizes.
const TOOLBOXES: [(&str, u64); 7] = [
    ("busybox", 2_200_000),
    ("alpine", 3_800_000),
    ("bash", 6_900_000),
    ("debian", 49_300_000),
    ("ubuntu", 29_700_000),
    (CURL, 9_800_000),
    ("nicolaka/netshoot", 205_000_000),
];
/// What it is given goes to curl, unless that is a program itself.
const CURL: &str = "curlimages/curl";

/// Does nothing, and listens nowhere.
const PAUSE: &str = "registry.k8s.io/pause";

/// What Kubernetes' own tests run: its busybox, servers, and agnhost, whose command line says what it is.
const E2E: [&str; 7] = [
    "registry.k8s.io/e2e-test-images/busybox",
    "registry.k8s.io/e2e-test-images/nginx",
    "registry.k8s.io/e2e-test-images/httpd",
    "registry.k8s.io/e2e-test-images/nautilus",
    "registry.k8s.io/e2e-test-images/nonewprivs",
    "registry.k8s.io/e2e-test-images/kitten",
    AGNHOST,
];
const AGNHOST: &str = "registry.k8s.io/e2e-test-images/agnhost";

/// What Apache's server and nginx answer as long as nobody gave them anything to serve.
const IT_WORKS: &str = "<html><body><h1>It works!</h1></body></html>\n";
const WELCOME: &str = "<!DOCTYPE html>\n<html>\n<head>\n<title>Welcome to nginx!</title>\n</head>\n<body>\n\
                       <h1>Welcome to nginx!</h1>\n<p>If you see this page, nginx is successfully installed and \
                       working.\nFurther configuration is required.</p>\n</body>\n</html>\n";

/// What the pictures of a demonstration say of themselves.
const NAUTILUS: &str = "{\n\"image\":\"nautilus.jpg\"\n}\n";
const KITTEN: &str = "{\n\"image\":\"kitten.jpg\"\n}\n";

/// What an image runs that says as whom it runs: as root, unless nobody is to become more than they are.
pub(super) fn own_script(image: &str, container: &Doc) -> Option<&'static str> {
    if repository(image) != E2E[4] {
        return None;
    }
    let rises = container["securityContext"]["allowPrivilegeEscalation"].as_bool() != Some(false);
    Some(if rises { "echo Effective uid: 0" } else { "echo Effective uid: $(id -u)" })
}

fn built_in() -> Vec<(&'static str, ImageSpec)> {
    let todo = |version: &str| ImageSpec {
        ports: vec![8080],
        answer: format!("todo-api {version}").into(),
        logs: vec![format!("todo-api {version} listening on :8080").into()],
        size: 48_000_000,
        ..ImageSpec::default()
    };
    let server = |port: u32, megabytes: u64, line: &str| ImageSpec {
        ports: vec![port],
        size: megabytes * 1_000_000,
        logs: vec![line.into()],
        ..ImageSpec::default()
    };
    let crashing = ImageSpec {
        exit_after: Some(Duration::seconds(5)),
        exit_code: 1,
        logs: vec![
            "todo-api v1.2 listening on :8080".into(),
            "panic: cannot read DATABASE_URL: is it set?".into(),
        ],
        ..todo("v1.2")
    };
    let nginx = ImageSpec {
        root: "usr/share/nginx/html".into(),
        answer: WELCOME.into(),
        ..server(80, 72, "Configuration complete; ready for start up")
    };
    let httpd = ImageSpec {
        root: "usr/local/apache2/htdocs".into(),
        answer: IT_WORKS.into(),
        ..server(80, 60, "AH00094: Command line: 'httpd -D FOREGROUND'")
    };
    let still = |size: u64| ImageSpec { size, cpu_milli: 1, memory: 1 << 20, ..ImageSpec::default() };
    let client = ImageSpec { client: true, size: 12_000_000, ..ImageSpec::default() };
    let toolbox = |size: u64| ImageSpec { size, exit_after: Some(Duration::ZERO), ..ImageSpec::default() };
    let php = ImageSpec {
        ports: vec![80],
        cpu_milli: 1,
        request_cpu: Duration::millis(200),
        answer: "OK!".into(),
        size: 200_000_000,
        ..ImageSpec::default()
    };
    let metrics_server = ImageSpec {
        ports: vec![10_250],
        scrapes: true,
        size: 22_500_000,
        logs: vec!["Serving securely on [::]:10250".into()],
        ..ImageSpec::default()
    };
    let mut all = vec![
        ("todo-api:v1.0", todo("v1.0")),
        ("todo-api:v1.1", todo("v1.1")),
        ("todo-api:v1.2", crashing),
        ("todo-client:v1.0", client.clone()),
        ("todo-client", client),
        (E2E[1], nginx.clone()),
        ("nginx", nginx.clone()),
        (E2E[2], httpd.clone()),
        ("httpd", httpd),
        (E2E[0], toolbox(2_200_000)),
        (E2E[3], ImageSpec { root: "/".into(), answer: NAUTILUS.into(), ..nginx.clone() }),
        (E2E[5], ImageSpec { root: "/".into(), answer: KITTEN.into(), ..nginx.clone() }),
        (E2E[4], toolbox(2_200_000)),
        (AGNHOST, still(53_000_000)),
        (PAUSE, still(300_000)),
        ("registry.k8s.io/hpa-example", php),
        ("registry.k8s.io/metrics-server/metrics-server:v0.8.0", metrics_server),
        ("redis", ImageSpec { http: false, ..server(6379, 52, "Ready to accept connections tcp") }),
        (
            "postgres",
            ImageSpec { http: false, ..server(5432, 160, "database system is ready to accept connections") },
        ),
    ];
    all.extend(TOOLBOXES.map(|(name, size)| (name, toolbox(size))));
    all
}

/// The programs of a server's image that is known, beside those of its system; `None` for any other image.
pub(super) fn programs(full: &str) -> Option<&'static [&'static str]> {
    let name = repository(full).strip_prefix("docker.io/library/")?;
    SERVERS.iter().find(|(known, _)| *known == name).map(|(_, programs)| *programs)
}

/// Whether the image gives its arguments to curl.
pub(super) fn is_curl(image: &str) -> bool {
    repository(&full_reference(image)).strip_prefix("docker.io/") == Some(CURL)
}

/// Whether the command line of a container says which part of the image's program is meant.
pub(super) fn is_agnhost(image: &str) -> bool {
    repository(image) == AGNHOST
}

/// `nginx` → `docker.io/library/nginx:latest`
pub fn full_reference(image: &str) -> String {
    let (first, rest) = image.split_once('/').unwrap_or(("", image));
    let registry = first.contains('.') || first.contains(':') || first == "localhost";
    let mut full = match (registry, first) {
        (true, _) => image.to_owned(),
        (false, "") => ["docker.io/library/", rest].concat(),
        (false, _) => ["docker.io/", image].concat(),
    };
    let last = full.rsplit('/').next().unwrap_or("");
    if !last.contains(':') && !last.contains('@') {
        full.push_str(":latest");
    }
    full
}

/// The reference without its tag or digest.
pub(super) fn repository(full: &str) -> &str {
    let full = full.split_once('@').map_or(full, |(name, _)| name);
    let last = full.rfind('/').map_or(0, |slash| slash + 1);
    full[last..].find(':').map_or(full, |colon| &full[..last + colon])
}

/// Whether `image` can be an image reference at all.
pub fn is_valid_reference(image: &str) -> bool {
    let (tagged, digest) = image.split_once('@').map_or((image, None), |(name, digest)| (name, Some(digest)));
    let name = repository(tagged);
    let tag = tagged[name.len()..].strip_prefix(':');
    let (domain, path) = match name.split_once('/') {
        Some((first, rest)) if is_domain(first) => (Some(first), rest),
        _ => (None, name),
    };
    domain.is_none_or(is_valid_domain)
        && path.split('/').all(is_valid_component)
        && tag.is_none_or(is_valid_tag)
        && digest.is_none_or(is_valid_digest)
}

/// Whether the first part of a name with slashes says where the image is kept.
fn is_domain(first: &str) -> bool {
    first.contains(['.', ':']) || first == "localhost" || has_upper(first)
}

fn has_upper(text: &str) -> bool {
    text.chars().any(|c| c.is_ascii_uppercase())
}

fn is_valid_domain(domain: &str) -> bool {
    let (host, port) = domain.split_once(':').map_or((domain, None), |(host, port)| (host, Some(port)));
    let fine = |part: &str| {
        let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
        !part.is_empty() && part.chars().all(inner) && !part.starts_with('-') && !part.ends_with('-')
    };
    host.split('.').all(fine)
        && port.is_none_or(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Small letters and digits, with a dot, one or two underscores or some dashes between them.
fn is_valid_component(part: &str) -> bool {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let apart =
        |between: &str| matches!(between, "." | "_" | "__") || between.bytes().all(|byte| byte == b'-');
    part.starts_with(word)
        && part.ends_with(word)
        && part.split(word).filter(|between| !between.is_empty()).all(apart)
}

fn is_valid_tag(tag: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    tag.starts_with(word) && tag.len() <= 128 && tag.chars().all(|c| word(c) || matches!(c, '.' | '-'))
}

fn is_valid_digest(digest: &str) -> bool {
    digest.split_once(':').is_some_and(|(algorithm, hex)| {
        algorithm.starts_with(|c: char| c.is_ascii_alphabetic())
            && algorithm.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '.' | '-' | '_'))
            && hex.len() >= 32
            && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// What is wrong with an image's name, as the parser of references says it.
pub fn reference_fault(image: &str) -> Option<String> {
    if is_valid_reference(image) {
        return None;
    }
    let remote = match image.split_once('/') {
        Some((first, rest)) if is_domain(first) => rest.to_owned(),
        Some(_) => image.to_owned(),
        None => format!("library/{image}"),
    };
    let remote = remote.split(':').next().unwrap_or_default();
    let why = if has_upper(remote) {
        format!(": repository name ({remote}) must be lowercase")
    } else {
        String::new()
    };
    Some(format!("invalid reference format{why}"))
}

/// The digest form that a runtime reports as the image's ID.
pub fn image_id(image: &str) -> Str {
    let full = full_reference(image);
    let digest = hex64(hash_of(full.as_str()));
    format!("{}@sha256:{}", repository(&full), str::from_utf8(&digest).expect("ASCII")).into()
}

/// The ID of one start of a container.
pub fn container_id(pod: Uid, container: &str, attempt: u32) -> Str {
    const SCHEME: &[u8] = b"containerd://";
    let id = Str::init_with(SCHEME.len() + 64, |text| {
        let (scheme, digits) = text.split_at_mut(SCHEME.len());
        scheme.copy_from_slice(SCHEME);
        digits.copy_from_slice(&hex64(hash_of(&(pod, container, attempt))));
    });
    id.expect("ASCII")
}

/// 64 hexadecimal digits that follow from 128 bits. There is such an ID in every status: digits are looked up.
fn hex64(bits: u128) -> [u8; 64] {
    let mut text = [0; 64];
    let bytes = bits.to_be_bytes().into_iter().chain(hash_of(&bits).to_be_bytes());
    for (digits, byte) in text.chunks_exact_mut(2).zip(bytes) {
        digits[0] = b"0123456789abcdef"[usize::from(byte >> 4)];
        digits[1] = b"0123456789abcdef"[usize::from(byte & 15)];
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_completed() {
        let cases = [
            ("nginx", "docker.io/library/nginx:latest", "docker.io/library/nginx"),
            ("todo-api:v1.0", "docker.io/library/todo-api:v1.0", "docker.io/library/todo-api"),
            ("me/app:1", "docker.io/me/app:1", "docker.io/me/app"),
            ("ghcr.io/me/app", "ghcr.io/me/app:latest", "ghcr.io/me/app"),
            ("localhost:5000/app:2", "localhost:5000/app:2", "localhost:5000/app"),
            ("app@sha256:abc", "docker.io/library/app@sha256:abc", "docker.io/library/app"),
        ];
        for (image, full, name) in cases {
            assert_eq!(full_reference(image), full);
            assert_eq!(repository(full), name);
        }
        let bad = [
            "",
            "my app",
            "Nginx",
            "nginx:täg",
            "BAD..image//",
            "x:y:z",
            "http://x/y",
            "a/b//c",
            "a_-b",
            "-a",
            "a:",
            "a:-b",
            "a@sha256:abc",
            "reg:port/a",
            "a/",
        ];
        for image in bad {
            assert!(!is_valid_reference(image), "{image}");
        }
        let digest = "a".repeat(64);
        let good = [
            "registry.Example.com/app:V1",
            "UPPER/x:1",
            "x/a--b__c.d",
            "localhost:5000/a",
            "k8s.gcr.io/pause",
        ];
        for image in good.into_iter().chain([&*format!("a:1@sha256:{digest}")]) {
            assert!(is_valid_reference(image), "{image}");
        }
    }

    #[test]
    fn unknown_repositories_get_a_stand_in_and_unknown_tags_an_error() {
        let mine = BTreeMap::from([("shop:1".into(), ImageSpec { ports: vec![90], ..ImageSpec::default() })]);
        let images = Images::new(&mine);
        assert!(matches!(images.find("shop:1"), Found::Known(spec) if spec.ports == [90]));
        assert!(matches!(images.find("shop:2"), Found::UnknownTag));
        assert!(matches!(images.find("todo-api:v9"), Found::UnknownTag));
        assert!(matches!(images.find("nginx:1.29"), Found::Known(_)));
        assert!(matches!(images.find("somebody/else"), Found::StandIn(_)));
        assert!(matches!(images.find("localhost/else:1"), Found::UnknownTag));
        assert!(matches!(images.find("localhost:5000/else"), Found::UnknownTag));
        assert!(matches!(images.find("registry.invalid/else"), Found::UnknownTag));
        let tools = images.find("registry.k8s.io/e2e-test-images/busybox:1.36.1-1");
        assert!(tools.spec().is_some_and(ImageSpec::is_toolbox));
    }
}
