//! What every node has on its own disk: what a Linux machine with a kubelet has. Pods see it through `hostPath`.

/// The volume that all `hostPath` mounts are parts of.
pub(super) const VOLUME: &str = "host:/";

/// Directories of every node.
pub const DIRECTORIES: &str = "/ /boot /dev /etc /etc/cni /etc/cni/net.d /etc/containerd /etc/kubernetes \
    /etc/kubernetes/manifests /etc/kubernetes/pki /etc/ssl /etc/ssl/certs /home /lib /lib/modules /media /mnt /opt /opt/cni \
    /opt/cni/bin /proc /root /run /run/containerd /srv /sys /sys/fs /sys/fs/cgroup /tmp /usr /usr/local /usr/share \
    /usr/share/ca-certificates /usr/share/zoneinfo /var /var/cache /var/lib /var/lib/containerd /var/lib/kubelet \
    /var/lib/kubelet/pods /var/log /var/log/containers /var/log/pods /var/run /var/tmp";
/// Files of every node.
pub const FILES: &str = "/etc/fstab /etc/group /etc/hostname /etc/hosts /etc/kubernetes/kubelet.conf /etc/localtime \
    /etc/machine-id /etc/os-release /etc/passwd /etc/resolv.conf /run/xtables.lock /var/lib/kubelet/config.yaml";

/// Whether one of these lists has a path, which may lack its first slash.
pub fn has(paths: &str, path: &str) -> bool {
    paths.split(' ').any(|known| known == path || known.strip_prefix('/') == Some(path))
}

/// What stands in a file of the node with this name; nothing where there is no such file.
pub(super) fn file(path: &str, node: &str) -> Option<String> {
    Some(match path {
        "etc/hostname" => format!("{node}\n"),
        "etc/hosts" => format!("127.0.0.1\tlocalhost\n127.0.1.1\t{node}\n"),
        "etc/os-release" => "NAME=\"Debian GNU/Linux\"\nVERSION_ID=\"13\"\nID=debian\n".into(),
        "etc/passwd" => "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n".into(),
        "var/lib/kubelet/config.yaml" => "apiVersion: kubelet.config.k8s.io/v1beta1\ncgroupDriver: systemd\nclusterDNS:\n- 10.96.0.10\n\
             clusterDomain: cluster.local\nkind: KubeletConfiguration\nstaticPodPath: /etc/kubernetes/manifests\n"
            .into(),
        path if has(FILES, path) => String::new(),
        _ => return None,
    })
}
