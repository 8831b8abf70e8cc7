//! Everything that can cross a link, as data.

use std::sync::Arc;

use crate::api::{Key, Object, Reply, Request, Status, Uid};
use crate::codec::Codec;
use crate::doc::{Doc, Str};

use super::{
    Causes, DnsAnswer, EtcdMessage, ExecOptions, Incarnation, LogOptions, NodeCall, NodeReply, Process,
    StreamInput, Time,
};

/// Ties a response to its request.
pub type RequestId = u64;

/// Ties watch events to the watch that asked for them.
pub type WatchId = u64;

/// Something on its way from one process to another.
#[derive(Codec, Clone, Hash, Debug)]
pub struct Message {
    /// The sender.
    pub from: Process,
    /// Which life of the sender's: a connection ends with it.
    pub sent_by: Incarnation,
    /// The receiver.
    pub to: Process,
    /// The contents.
    pub body: Body,
    /// The record of this very message in the trace.
    pub causes: Causes,
}

/// The contents of a message.
#[derive(Codec, Clone, Hash, Debug)]
pub enum Body {
    /// A request to the API server.
    Request(RequestId, Arc<Request>),
    /// Its answer.
    Response(RequestId, Result<Reply, Box<Status>>),
    /// A change that a watch asked for.
    Watch(WatchId, WatchEvent),
    /// The watch ended; the watcher has to list again.
    WatchClosed(WatchId),
    /// The kubelet asks its container runtime (CRI).
    Cri(CriCall),
    /// The container runtime answers or reports.
    CriEvent(CriEvent),
    /// The API server asks a kubelet, under a number of its own.
    NodeCall(u64, NodeCall),
    /// The kubelet answers.
    NodeReply(u64, NodeReply),
    /// A step of a request through the data plane.
    Packet(Packet),
    /// Members of etcd among themselves, and API servers with them.
    Etcd(Box<EtcdMessage>),
    /// What nodes and containers use.
    Metrics(super::Metrics),
}

/// One change as a watch delivers it.
#[derive(Codec, Clone, Hash, Debug)]
pub struct WatchEvent {
    /// What happened.
    pub change: ChangeKind,
    /// The object after the change, or as it last was when deleted.
    pub object: Arc<Object>,
    /// The revision of the change.
    pub revision: u64,
}

/// What happened to an object.
#[derive(Codec, Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ChangeKind {
    /// It is new (or newly matches the watch).
    Added,
    /// It changed.
    Modified,
    /// It is gone (or no longer matches the watch).
    Deleted,
}

/// What a kubelet asks of the container runtime. Containers are named by pod UID and container name.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub enum CriCall {
    /// Tell what runs and which images are there.
    List,
    /// Learn the address range of the node's pods (for the CNI plugin).
    UpdateRuntimeConfig {
        /// `10.244.1.0/24`
        pod_cidr: Str,
    },
    /// Make the pod's sandbox: network namespace and address (through the CNI plugin).
    RunPodSandbox {
        /// The pod.
        pod: Uid,
        /// Its namespace and name, for addresses and messages.
        key: Key,
        /// Its spec, for its name in the network and what its volumes are.
        spec: Doc,
    },
    /// Fill a volume of the pod with what the kubelet composed (from ConfigMaps, Secrets, fields of the pod …).
    SetVolume {
        /// The pod.
        pod: Uid,
        /// The volume's name.
        volume: Str,
        /// Paths and texts.
        files: Vec<(Str, Str)>,
    },
    /// Read files of the pod's volumes, for a container's environment; the answer is [`CriEvent::FilesRead`].
    ReadFiles {
        /// The pod.
        pod: Uid,
        /// The container.
        container: Str,
        /// Volumes, and paths in them.
        files: Vec<(Str, Str)>,
    },
    /// Fetch an image.
    PullImage {
        /// The pod that needs it.
        pod: Uid,
        /// The container that needs it.
        container: Str,
        /// The image reference.
        image: Str,
    },
    /// Start a container.
    StartContainer {
        /// The pod.
        pod: Uid,
        /// The container.
        container: Str,
        /// The image to run.
        image: Str,
        /// Which start of this container it is, from 0.
        attempt: u32,
        /// Its environment, as the kubelet composed it.
        env: Arc<Vec<(Str, Str)>>,
        /// Its `command` and `args`, one after the other; empty for the image's own.
        command: Vec<Str>,
        /// The container as the pod's spec has it.
        doc: Doc,
    },
    /// Ask a container to end (SIGTERM), and kill it after `grace_ms`.
    StopContainer {
        /// The pod.
        pod: Uid,
        /// The container.
        container: Str,
        /// How long it may take to end by itself, in milliseconds.
        grace_ms: u64,
    },
    /// Give a container that runs other resources.
    UpdateContainerResources {
        /// The pod.
        pod: Uid,
        /// The container.
        container: Str,
        /// Its `resources`.
        resources: crate::doc::Doc,
    },
    /// All containers of the pod have ended for good: free its network.
    StopPodSandbox {
        /// The pod.
        pod: Uid,
    },
    /// Kill what still runs of the pod, free its network and forget its containers.
    RemovePodSandbox {
        /// The pod.
        pod: Uid,
    },
    /// Probe a container. (HTTP and TCP probes really cross the node's own network; the runtime plays the
    /// container's side of that.)
    Probe {
        /// The pod.
        pod: Uid,
        /// The container.
        container: Str,
        /// Which start of this container it is about.
        attempt: u32,
        /// Which of its probes.
        kind: ProbeKind,
        /// What is tried.
        action: ProbeAction,
        /// How long it may take, in milliseconds.
        timeout_ms: u64,
    },
    /// Tell what is used; the answer is [`CriEvent::Usage`].
    Stats,
    /// Make room: remove the images that no container uses.
    RemoveUnusedImages,
    /// Read a container's log; its answer is [`CriEvent::Served`].
    ReadLog {
        /// The number of the API server's call.
        call: u64,
        /// The pod.
        pod: Uid,
        /// Which start of the container, from 0.
        attempt: u32,
        /// Which lines, of which container.
        options: LogOptions,
    },
    /// Run a program beside those of a container; its answer is [`CriEvent::Served`].
    Exec {
        /// The number of the call.
        call: u64,
        /// The pod.
        pod: Uid,
        /// What, in which container.
        options: ExecOptions,
    },
    /// Tell what the program of a container writes from now on; its answers are [`CriEvent::Served`].
    Attach {
        /// The number of the call.
        call: u64,
        /// The pod.
        pod: Uid,
        /// Which container, and over which connection.
        options: ExecOptions,
    },
    /// Something came over a connection to a program; its answer is [`CriEvent::Served`].
    Input {
        /// The number of the call.
        call: u64,
        /// The connection.
        stream: Str,
        /// What came.
        input: StreamInput,
    },
    /// Send something to a port of a pod, from inside; its answer is [`CriEvent::Served`].
    PortForward {
        /// The number of the call.
        call: u64,
        /// The pod.
        pod: Uid,
        /// The port.
        port: u32,
        /// What is sent; empty to ask whether it could be.
        text: Str,
    },
}

/// The probes of a container, and the hooks of its life, which are acted out in the same ways.
#[derive(Codec, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ProbeKind {
    /// Holds back the others until it succeeded once.
    Startup,
    /// Restarts the container.
    Liveness,
    /// Lets traffic in.
    Readiness,
    /// Runs beside the container from its start.
    PostStart,
    /// Runs before the container is asked to end.
    PreStop,
}

/// What a probe tries.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub enum ProbeAction {
    /// An HTTP request.
    Http {
        /// `http` or `https`.
        scheme: &'static str,
        /// Port number.
        port: u32,
        /// Path.
        path: Str,
    },
    /// A question to the gRPC health service.
    Grpc {
        /// Port number.
        port: u32,
    },
    /// A pause.
    Sleep {
        /// How long, in seconds.
        seconds: u64,
    },
    /// A TCP connection.
    Tcp {
        /// Port number.
        port: u32,
    },
    /// A command inside the container.
    Exec {
        /// Its words.
        command: Vec<Str>,
    },
}

/// How a probe or hook went.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub enum ProbeResult {
    /// Well.
    Success,
    /// Well enough, with something to remark.
    Warning(Str),
    /// Not: what went wrong.
    Failure(Str),
    /// It could not be tried.
    Error(Str),
}

/// A pod that a runtime knows.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub struct ListedPod {
    /// Its UID.
    pub pod: Uid,
    /// IPv4 address.
    pub ip: u32,
    /// Its containers.
    pub containers: Vec<ListedContainer>,
}

/// A container that a runtime knows.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub struct ListedContainer {
    /// Its name.
    pub name: Str,
    /// What it runs.
    pub image: Str,
    /// Which start it is, from 0.
    pub attempt: u32,
    /// When it came up; `None` while it is starting.
    pub started: Option<Time>,
    /// How and when it ended.
    pub exited: Option<(ContainerEnd, Time)>,
}

/// How a container ended.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct ContainerEnd {
    /// Its exit code.
    pub exit_code: i32,
    /// Whether it was killed for the memory that it used.
    pub out_of_memory: bool,
    /// What it left to say (its termination message).
    pub message: Str,
}

/// What a container runtime reports to its kubelet.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub enum CriEvent {
    /// What runs and which images are there.
    Listed {
        /// How often the machine was switched on: another number means that it was off in between.
        boot: u32,
        /// The pods.
        pods: Vec<ListedPod>,
        /// Images with their sizes in bytes.
        images: Vec<(Str, u64)>,
    },
    /// The sandbox is ready and has an address.
    SandboxReady {
        /// The pod.
        pod: Uid,
        /// IPv4 address of the pod.
        ip: u32,
    },
    /// The sandbox cannot be made.
    SandboxFailed {
        /// The pod.
        pod: Uid,
        /// Why, as the runtime words it.
        why: Str,
    },
    /// What the files have that a container's environment takes from.
    FilesRead {
        /// The pod.
        pod: Uid,
        /// The container.
        container: Str,
        /// Volumes, paths, and texts of the files that are there.
        files: Vec<(Str, Str, Str)>,
    },
    /// The image is there.
    ImageReady {
        /// The pod.
        pod: Uid,
        /// The container.
        container: Str,
        /// The image reference.
        image: Str,
        /// Its size in bytes.
        bytes: u64,
        /// How long the pull itself took, in milliseconds.
        pull_ms: u64,
        /// The same with the wait for its turn.
        total_ms: u64,
    },
    /// The image cannot be had.
    ImageFailed {
        /// The pod.
        pod: Uid,
        /// The container.
        container: Str,
        /// Why, as the runtime words it.
        why: Str,
    },
    /// The container runs.
    ContainerStarted {
        /// The pod.
        pod: Uid,
        /// The container.
        container: Str,
        /// Which start of this container it is, from 0.
        attempt: u32,
    },
    /// The container ended.
    ContainerExited {
        /// The pod.
        pod: Uid,
        /// The container.
        container: Str,
        /// Which start of this container it was, from 0.
        attempt: u32,
        /// How it ended.
        end: ContainerEnd,
    },
    /// Everything of the pod is gone from the runtime.
    SandboxRemoved {
        /// The pod.
        pod: Uid,
    },
    /// How a probe went.
    Probed {
        /// The pod.
        pod: Uid,
        /// The container.
        container: Str,
        /// Which start of this container it is about.
        attempt: u32,
        /// Which of its probes.
        kind: ProbeKind,
        /// How it went.
        result: ProbeResult,
    },
    /// The container's program cannot be started.
    ContainerFailed {
        /// The pod.
        pod: Uid,
        /// The container.
        container: Str,
        /// Which start of this container it was, from 0.
        attempt: u32,
        /// Why, as the runtime words it.
        why: Str,
    },
    /// What the machine has left, and who uses how much.
    Usage(Usage),
    /// These images are not here any more.
    ImagesRemoved {
        /// Their references.
        images: Vec<Str>,
    },
    /// There was no memory left at all: the kernel killed something.
    OutOfMemory {
        /// Which program.
        program: Str,
    },
    /// What a call of the API server's is answered with.
    Served {
        /// The number of the call.
        call: u64,
        /// The answer, or a part of it.
        reply: NodeReply,
    },
}

/// Where the API server listens, outside the nodes' own addresses.
pub const API_SERVER: u32 = 172 << 24 | 18 << 16 | 255 << 8 | 2;

/// Where one of several listens.
pub const fn api_server_address(number: u32) -> u32 {
    API_SERVER + number
}

/// A step of a request of a visitor (or pod) on its way to a container and back.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub struct Packet {
    /// The number of the request, for its sender.
    pub number: u64,
    /// Who asked and waits for the answer.
    pub origin: Process,
    /// IPv4 address of the client, for session affinity and network policies.
    pub client: u32,
    /// The path of the HTTP request on the way there, the text of the answer on the way back.
    pub text: Str,
    /// What it travels over.
    pub protocol: Protocol,
    /// What an HTTP client asks for; `None` where nobody on the way has to know.
    pub http: Option<Arc<HttpTarget>>,
    /// Where it is going.
    pub step: PacketStep,
}

/// What a packet travels over.
#[derive(Codec, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[allow(missing_docs, reason = "the names are the protocols' own")]
pub enum Protocol {
    #[default]
    Tcp,
    Udp,
    Sctp,
}

impl Protocol {
    /// The protocol that the API calls `TCP`, `UDP` or `SCTP`.
    pub fn of(name: &str) -> Protocol {
        match name {
            "UDP" => Protocol::Udp,
            "SCTP" => Protocol::Sctp,
            _ => Protocol::Tcp,
        }
    }
}

/// What an HTTP client asks for.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct HttpTarget {
    /// The method, in capitals.
    pub method: Str,
    /// Whether it wants TLS.
    pub tls: bool,
    /// The host in its URL.
    pub host: Str,
    /// The path in its URL.
    pub path: Str,
    /// What it sends.
    pub body: Str,
    /// What that is: `application/json`.
    pub content_type: Str,
    /// Who it says it is: `Bearer …`.
    pub authorization: Str,
}

impl Packet {
    /// The address it goes to now; `None` for one on its way back.
    pub fn target(&self) -> Option<u32> {
        match self.step {
            PacketStep::ToPod { ip, .. } | PacketStep::ToService { ip, .. } => Some(ip),
            _ => None,
        }
    }
}

/// What went wrong where a connection was taken and closed without a word, as clients word it.
pub const EMPTY_REPLY: &str = "empty reply from server";

/// How far a packet has come.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub enum PacketStep {
    /// To the cluster's DNS server: which address has this name?
    Lookup {
        /// The name, as the client wrote it.
        name: Str,
        /// The client's namespace, for its search path.
        namespace: Str,
    },
    /// Back from the DNS server.
    Resolved(Arc<DnsAnswer>),
    /// To an address of a Service (virtual IP or load balancer) and port: rules decide the pod.
    ToService {
        /// IPv4 address.
        ip: u32,
        /// Port.
        port: u32,
    },
    /// To a pod's address and port, over the pod network.
    ToPod {
        /// IPv4 address.
        ip: u32,
        /// Port.
        port: u32,
    },
    /// Back to the origin with an HTTP status, or with what went wrong.
    Answer {
        /// HTTP status; `None` when there was no HTTP answer.
        status: Option<u32>,
        /// The pod that answered (`namespace/name`), or what went wrong as an HTTP client words it.
        detail: Str,
    },
}

/// What a machine has left, in bytes, and who uses how much.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub struct Usage {
    /// Memory.
    pub memory_left: u64,
    /// Disk.
    pub disk_left: u64,
    /// The whole disk.
    pub disk: u64,
    /// Containers that run.
    pub containers: Vec<ContainerUsage>,
    /// The `emptyDir` volumes of pods that may take so much of the disk only: pod, volume, bytes.
    pub volumes: Vec<(Uid, Str, u64)>,
}

/// What a container uses, in bytes.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub struct ContainerUsage {
    /// The pod.
    pub pod: Uid,
    /// The container.
    pub container: Str,
    /// Memory.
    pub memory: u64,
    /// What it wrote to disk.
    pub disk: u64,
}

/// What of a machine can be filled up.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Filled {
    /// Its memory.
    Memory,
    /// Its disk.
    Disk,
}
