//! What a node's page says beside its own fields.

use crate::api::Kind;
use crate::api::quantity::{canonical, parse_quantity};
use crate::cluster::HttpRequest;
use crate::collections::{BTreeMap, sort_by_key};
use crate::doc::{Doc, Str};

use super::super::failure::Failure;
use super::super::io::Stop;
use super::super::resource::{Target, escape};
use super::sheet::Sheet;
use super::values::{at, since};
use super::{parts, with_fields};

pub fn roles(sheet: &mut Sheet<'_, '_>, node: &Doc, _: &str) -> Result<(), Stop> {
    let role = |(key, value): &(Str, Doc)| match key.strip_prefix("node-role.kubernetes.io/") {
        Some(role) => Some(role.to_owned()),
        None => (key == "kubernetes.io/role").then(|| value.str().to_string()),
    };
    let roles: Vec<String> = node["metadata"]["labels"].entries().iter().filter_map(role).collect();
    let mut roles = parts::sorted(roles.into_iter().filter(|role| !role.is_empty()).collect());
    roles.dedup();
    let roles = roles.join(",");
    sheet.line(0, format!("Roles:\t{}", if roles.is_empty() { "<none>" } else { &roles }));
    Ok(())
}

pub fn taints(sheet: &mut Sheet<'_, '_>, node: &Doc, _: &str) -> Result<(), Stop> {
    let mut taints = node["spec"]["taints"].items().to_vec();
    sort_by_key(&mut taints, |taint| format!("{},{}", taint["effect"].str(), taint["key"].str()));
    let line = |taint: &Doc| {
        let value = taint["value"].str();
        let value = if value.is_empty() { String::new() } else { format!("={value}") };
        format!("{}{value}:{}", taint["key"].str(), taint["effect"].str())
    };
    sheet.lines("Taints", taints.iter().map(line));
    Ok(())
}

pub fn lease(sheet: &mut Sheet<'_, '_>, node: &Doc, _: &str) -> Result<(), Stop> {
    let lease = Target::new(Kind::Lease, "kube-node-lease", &node["metadata"]["name"].str());
    let response = sheet.io.request(lease.get())?;
    if !response.is_success() {
        let why = match Failure::of(&response) {
            Failure::Server(status) => status["message"].str().to_string(),
            other => other.among_others(),
        };
        sheet.line(0, format!("Lease:\tFailed to get lease: {why}"));
        return Ok(());
    }
    sheet.line(0, "Lease:");
    sheet.fill(
        &response.body["spec"],
        "\
>HolderIdentity:\t{holderIdentity/<unset>}
>AcquireTime:\t{acquireTime:time/<unset>}
>RenewTime:\t{renewTime:time/<unset>}
",
    )
}

pub fn quantities(sheet: &mut Sheet<'_, '_>, node: &Doc, path: &str) -> Result<(), Stop> {
    for (name, value) in at(node, path).entries() {
        sheet.line(1, format!("{name}:\t{}", canonical(value).unwrap_or_default()));
    }
    Ok(())
}

/// An amount that is summed up: thousandths, and whether it is told in powers of two.
#[derive(Clone, Copy, Default)]
struct Amount(i128, bool);

impl Amount {
    fn read(value: &Doc) -> Amount {
        let text = canonical(value).unwrap_or_default();
        Amount(parse_quantity(&text).unwrap_or(0), text.ends_with('i'))
    }

    fn add(&mut self, other: Amount) {
        // A sum is told as its first part was.
        self.1 = if self.0 == 0 { other.1 } else { self.1 };
        self.0 += other.0;
    }

    fn shown(self) -> String {
        let (whole, kibi) = (self.0 / 1000, 1024);
        let text = match self {
            Amount(number, true) if number % 1000 == 0 && whole % kibi == 0 && whole > 0 => {
                format!("{}Ki", whole / kibi)
            }
            Amount(number, _) => format!("{number}m"),
        };
        canonical(&Doc::from(text)).unwrap_or_default()
    }

    /// `250m (6%)`
    fn of(self, all: Amount) -> String {
        let share = if all.0 == 0 { 0 } else { self.0 * 100 / all.0 };
        format!("{} ({share}%)", self.shown())
    }
}

type Amounts = BTreeMap<Str, Amount>;

fn amounts(list: &Doc) -> Amounts {
    list.entries().iter().map(|(name, value)| (name.clone(), Amount::read(value))).collect()
}

fn add(sum: &mut Amounts, more: &Amounts) {
    more.iter().for_each(|(name, amount)| sum.entry(name.clone()).or_default().add(*amount));
}

fn at_least(sum: &mut Amounts, least: &Amounts) {
    for (name, amount) in least.iter() {
        let known = sum.entry(name.clone()).or_default();
        if known.0 < amount.0 {
            *known = *amount;
        }
    }
}

/// What a pod requests, or is limited to: all containers and sidecars, or more if an init container needs more.
fn of_pod(pod: &Doc, field: &str) -> Amounts {
    let spec = &pod["spec"];
    let of = |container: &Doc| amounts(&container["resources"][field]);
    let mut sum = Amounts::new();
    spec["containers"].items().iter().for_each(|container| add(&mut sum, &of(container)));
    let (mut sidecars, mut most) = (Amounts::new(), Amounts::new());
    for container in spec["initContainers"].items() {
        let mut needed = of(container);
        if container["restartPolicy"].as_str() == Some("Always") {
            add(&mut sum, &needed);
            add(&mut sidecars, &needed);
            needed = sidecars.clone();
        } else {
            add(&mut needed, &sidecars);
        }
        at_least(&mut most, &needed);
    }
    at_least(&mut sum, &most);
    for (name, amount) in amounts(&spec["resources"][field]).iter() {
        sum.insert(name.clone(), *amount);
    }
    for (name, amount) in amounts(&spec["overhead"]).iter() {
        if field == "requests" || sum.get(name).is_some_and(|limit| limit.0 > 0) {
            sum.entry(name.clone()).or_default().add(*amount);
        }
    }
    sum
}

/// The node's pods and what they take.
pub fn allocated(sheet: &mut Sheet<'_, '_>, node: &Doc, _: &str) -> Result<(), Stop> {
    let name = node["metadata"]["name"].str();
    let fields = format!("spec.nodeName={name},status.phase!=Failed,status.phase!=Succeeded");
    let response = sheet.io.request(with_fields(&Target::new(Kind::Pod, "", ""), &fields))?;
    if response.code == 403 {
        sheet.line(0, "Pods:\tnot authorized");
        return Ok(());
    }
    if !response.is_success() {
        return Err(sheet.io.end(Failure::of(&response)));
    }
    let pods = response.body["items"].items();
    let status = &node["status"];
    let all =
        amounts(if status["allocatable"].is_empty() { &status["capacity"] } else { &status["allocatable"] });
    let of = |sum: &Amounts, name: &str| sum.get(name).copied().unwrap_or_default();
    sheet.line(0, format!("Non-terminated Pods:\t({} in total)", pods.len()));
    sheet.line(1, "Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge");
    sheet.line(1, "---------\t----\t\t------------\t----------\t---------------\t-------------\t---");
    let (mut requests, mut limits) = (Amounts::new(), Amounts::new());
    for pod in pods {
        let (request, limit) = (of_pod(pod, "requests"), of_pod(pod, "limits"));
        let metadata = &pod["metadata"];
        let mut line = format!("{}\t{}\t", metadata["namespace"].str(), metadata["name"].str());
        for resource in ["cpu", "memory"] {
            for part in [&request, &limit] {
                line.push_str(&format!("\t{}", of(part, resource).of(of(&all, resource))));
            }
        }
        line.push_str(&format!("\t{}", since(&metadata["creationTimestamp"], sheet.io.started)));
        sheet.line(1, line);
        add(&mut requests, &request);
        add(&mut limits, &limit);
    }
    sheet.line(0, "Allocated resources:");
    sheet.line(1, "(Total limits may be over 100 percent, i.e., overcommitted.)");
    sheet.line(1, "Resource\tRequests\tLimits");
    sheet.line(1, "--------\t--------\t------");
    let basic = ["cpu", "memory", "ephemeral-storage"];
    let pages = all.iter().map(|(name, _)| name.as_str()).filter(|name| name.starts_with("hugepages-"));
    for name in basic.into_iter().chain(pages) {
        let total = of(&all, name);
        sheet.line(1, format!("{name}\t{}\t{}", of(&requests, name).of(total), of(&limits, name).of(total)));
    }
    for (name, _) in all.iter() {
        if !basic.contains(&name.as_str()) && name != "pods" && !name.starts_with("hugepages-") {
            sheet.line(1, format!("{name}\t{}\t{}", of(&requests, name).shown(), of(&limits, name).shown()));
        }
    }
    Ok(())
}

/// The devices that are at this node alone, by driver and pool.
pub fn slices(sheet: &mut Sheet<'_, '_>, node: &Doc, _: &str) -> Result<(), Stop> {
    const MOST: usize = 10;
    let path = format!(
        "/apis/resource.k8s.io/v1/resourceslices?fieldSelector={}",
        escape(&format!("spec.nodeName={}", node["metadata"]["name"].str()))
    );
    let request = HttpRequest { method: "GET".into(), path: path.into(), ..HttpRequest::default() };
    let response = sheet.io.request(request)?;
    let mut pools: BTreeMap<(Str, Str), (usize, usize)> = BTreeMap::new();
    for slice in response.body["items"].items() {
        let spec = &slice["spec"];
        let pool = pools.entry((spec["driver"].str(), spec["pool"]["name"].str())).or_default();
        pool.0 += 1;
        pool.1 += spec["devices"].items().len();
    }
    if pools.is_empty() {
        return Ok(());
    }
    sheet.line(0, "Node-Local ResourceSlices:");
    sheet.line(1, "Driver\tPool\tSlices\tDevices");
    sheet.line(1, "------\t----\t------\t-------");
    for ((driver, pool), (slices, devices)) in pools.iter().take(MOST) {
        sheet.line(1, format!("{driver}\t{pool}\t{slices}\t{devices}"));
    }
    if pools.len() > MOST {
        sheet.line(1, format!("...and {} more pools", pools.len() - MOST));
    }
    Ok(())
}

/// Events about a node name it by its UID or, as kubelets do, by its name.
pub fn events(sheet: &mut Sheet<'_, '_>, node: &Doc, _: &str) -> Result<(), Stop> {
    if !sheet.events {
        return Ok(());
    }
    let (name, uid) = (node["metadata"]["name"].str(), node["metadata"]["uid"].str());
    let mut found = parts::about(sheet, &name, "Node", &uid)?;
    found.extend(parts::about(sheet, &name, "Node", &name)?);
    parts::tell(sheet, found);
    Ok(())
}
