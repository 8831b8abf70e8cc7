//! How pods look up names: what a kubelet writes into their `resolv.conf` and `hosts`.

use crate::codec::Codec;
use crate::doc::Str;

/// How a pod looks up names, where that is not as for all others.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct DnsConfig {
    /// Whether it asks the cluster's DNS server, or one outside.
    pub cluster: bool,
    /// Domains that a short name is tried with.
    pub search: Vec<Str>,
    /// How many dots make a name one that is tried as it is first.
    pub dots: u32,
    /// Names of its own (`hostAliases`).
    pub hosts: Vec<(Str, u32)>,
}

impl DnsConfig {
    /// The configuration of a pod with the defaults (`dnsPolicy: ClusterFirst`).
    pub fn cluster_first(namespace: &str) -> DnsConfig {
        let search =
            [format!("{namespace}.svc.cluster.local"), "svc.cluster.local".into(), "cluster.local".into()];
        DnsConfig { cluster: true, search: search.map(Str::from).to_vec(), dots: 5, hosts: Vec::new() }
    }

    /// The names that are tried for one that a program asks for, in order.
    pub fn candidates(&self, name: &str) -> Vec<Str> {
        if let Some(name) = name.strip_suffix('.') {
            return vec![name.into()];
        }
        let mut names: Vec<Str> =
            self.search.iter().map(|domain| format!("{name}.{domain}").into()).collect();
        let first = name.matches('.').count() >= self.dots as usize;
        names.insert(if first { 0 } else { names.len() }, name.into());
        names
    }

    /// The address of a name in the pod's own file of hosts.
    pub fn host(&self, name: &str) -> Option<u32> {
        self.hosts.iter().find(|(known, _)| known == name).map(|(_, ip)| *ip)
    }
}

/// An answer of the DNS server.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct DnsAnswer {
    /// The name that exists, without the dot at its end; empty when none of those that were tried does.
    pub name: Str,
    /// What the name is an alias of (CNAME), one after another.
    pub aliases: Vec<Str>,
    /// Addresses (A).
    pub ips: Vec<u32>,
    /// Ports and the names of their hosts (SRV).
    pub services: Vec<(u32, Str)>,
    /// Names of the address that the name is one of (PTR).
    pub pointers: Vec<Str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_are_tried_with_the_search_path() {
        let mut config = DnsConfig::cluster_first("shop");
        let names = |config: &DnsConfig, name: &str| config.candidates(name).join(" ");
        assert_eq!(
            names(&config, "web"),
            "web.shop.svc.cluster.local web.svc.cluster.local web.cluster.local web"
        );
        assert_eq!(names(&config, "web."), "web");
        assert!(names(&config, "a.b.c.d.e").starts_with("a.b.c.d.e.shop."), "four dots are too few");
        assert!(names(&config, "a.b.c.d.e.f").starts_with("a.b.c.d.e.f "));
        config.dots = 1;
        assert!(names(&config, "web.shop").starts_with("web.shop "));
    }
}
