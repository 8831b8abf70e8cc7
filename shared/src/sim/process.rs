//! Who sends and receives messages.

use crate::codec::Codec;
use std::fmt;

/// A running program of the cluster or of somebody who talks to it. Numbers count members or machines.
#[derive(Codec, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Process {
    /// A kube-apiserver, by member.
    ApiServer(u32),
    /// An etcd member.
    Etcd(u32),
    /// A kube-scheduler, by member.
    Scheduler(u32),
    /// A kube-controller-manager, by member.
    ControllerManager(u32),
    /// The kubelet of a machine.
    Kubelet(u32),
    /// The container runtime of a machine.
    Runtime(u32),
    /// The kube-proxy of a machine.
    KubeProxy(u32),
    /// The watch that all kube-proxies share (one cache, a cursor each).
    ProxyWatch,
    /// The agent of the CNI plugin on a machine.
    Cni(u32),
    /// The watch that all agents of the CNI plugin share.
    CniWatch,
    /// The cluster's DNS server.
    CoreDns,
    /// The ingress controller, an add-on.
    IngressController,
    /// The provider that gives LoadBalancer Services their address and balances to nodes.
    LoadBalancer,
    /// The people outside who use the app.
    Visitors,
    /// A person's program: kubectl or an HTTP client.
    Client(u32),
}

/// Which life of a process a timer or message belongs to: what was meant for an earlier life is dropped.
pub type Incarnation = u32;

impl Process {
    /// The machine it runs on; `None` for what runs on no node.
    pub fn machine(self) -> Option<u32> {
        match self {
            Process::Kubelet(machine)
            | Process::Runtime(machine)
            | Process::KubeProxy(machine)
            | Process::Cni(machine) => Some(machine),
            _ => None,
        }
    }

    /// The rank of its program among all, and its number among those of the same.
    pub(super) fn index(self) -> (usize, usize) {
        let (rank, number) = match self {
            Process::ApiServer(number) => (0, number),
            Process::Etcd(number) => (1, number),
            Process::Scheduler(number) => (2, number),
            Process::ControllerManager(number) => (3, number),
            Process::Kubelet(number) => (4, number),
            Process::Runtime(number) => (5, number),
            Process::KubeProxy(number) => (6, number),
            Process::Cni(number) => (7, number),
            Process::Client(number) => (8, number),
            Process::ProxyWatch => (9, 0),
            Process::CniWatch => (10, 0),
            Process::CoreDns => (11, 0),
            Process::IngressController => (12, 0),
            Process::LoadBalancer => (13, 0),
            Process::Visitors => (14, 0),
        };
        (rank, number as usize)
    }

    /// The name of the program.
    pub fn program(self) -> &'static str {
        match self {
            Process::ApiServer(_) => "kube-apiserver",
            Process::Etcd(_) => "etcd",
            Process::Scheduler(_) => "kube-scheduler",
            Process::ControllerManager(_) => "kube-controller-manager",
            Process::Kubelet(_) => "kubelet",
            Process::Runtime(_) => "containerd",
            Process::KubeProxy(_) | Process::ProxyWatch => "kube-proxy",
            Process::Cni(_) | Process::CniWatch => "cni",
            Process::CoreDns => "coredns",
            Process::IngressController => "ingress-nginx",
            Process::LoadBalancer => "load-balancer",
            Process::Visitors => "visitors",
            Process::Client(_) => "kubectl",
        }
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let program = self.program();
        match *self {
            Process::ApiServer(number)
            | Process::Etcd(number)
            | Process::Scheduler(number)
            | Process::ControllerManager(number)
                if number > 0 =>
            {
                write!(f, "{program}-{number}")
            }
            _ => match self.machine() {
                Some(machine) => write!(f, "{program}@{machine}"),
                None => f.write_str(program),
            },
        }
    }
}
