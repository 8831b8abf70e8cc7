//! `kubectl top`: what nodes and pods use, as the metrics API tells.

use crate::api::{Kind, LabelSelector, bytes, milli, parse_quantity};
use crate::cluster::HttpRequest;
use crate::collections::sort_by;
use crate::doc::Doc;

use super::args::{Args, Flag, switch, value};
use super::discovery;
use super::failure::Failure;
use super::io::{Io, Stop};
use super::resource::{Target, escape};
use super::tabs::{WIDE, align};

pub(super) const FLAGS: &[Flag] = &[
    value("selector", Some('l')),
    value("field-selector", None),
    value("sort-by", None),
    switch("no-headers", None),
    switch("all-namespaces", Some('A')),
    switch("containers", None),
    switch("sum", None),
    switch("show-capacity", None),
    switch("show-swap", None),
    switch("use-protocol-buffers", None),
];

/// Where the metrics are.
const METRICS: &str = "/apis/metrics.k8s.io/v1beta1";

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let Some((what, names)) = args.words.split_first() else {
        return super::help::parts("top", io);
    };
    let nodes = match what.as_str() {
        "node" | "nodes" | "no" => true,
        "pod" | "pods" | "po" => false,
        other => {
            return Err(
                io.fail(format!("unknown command {other:?}\nSee 'kubectl top -h' for help and examples"))
            );
        }
    };
    let by = args.get("sort-by").unwrap_or("");
    if !matches!(by, "" | "cpu" | "memory") {
        return Err(io.fail("--sort-by accepts only cpu or memory"));
    }
    if names.len() > 1 {
        let what = if nodes { "node" } else { "pod" };
        return Err(
            io.fail(format!("{what} [NAME | -l label]\nSee 'kubectl top {what} -h' for help and examples"))
        );
    }
    let name = names.first().map(String::as_str);
    if name.is_some() && args.get("selector").is_some() {
        let selector = if nodes { "--selector" } else { "selector" };
        return Err(io.fail(format!("only one of NAME or {selector} can be provided")));
    }
    if let Some(Err(why)) = args.get("selector").map(LabelSelector::parse) {
        return Err(io.fail(why));
    }
    let groups = match discovery::versions(io)? {
        Ok(groups) => groups,
        Err(failure @ Failure::Connection(_)) => return Err(io.end(failure)),
        Err(_) => Vec::new(),
    };
    if !groups.iter().any(|group| group.starts_with("metrics.k8s.io/")) {
        return Err(io.fail("Metrics API not available"));
    }
    if nodes { of_nodes(name, args, io) } else { of_pods(name, args, io) }
}

/// The metrics at a path below the API's own, of one or of those that are selected.
fn metrics(path: &str, name: Option<&str>, args: &Args, io: &mut Io<'_>) -> Result<Vec<Doc>, Stop> {
    let path = match name {
        Some(name) => format!("{METRICS}/{path}/{}", escape(name)),
        None => {
            let mut query = Vec::new();
            for (flag, parameter) in [("selector", "labelSelector"), ("field-selector", "fieldSelector")] {
                query.extend(args.get(flag).map(|text| format!("{parameter}={}", escape(text))));
            }
            let mark = if query.is_empty() { "" } else { "?" };
            format!("{METRICS}/{path}{mark}{}", query.join("&"))
        }
    };
    let request = HttpRequest { method: "GET".into(), path: path.into(), ..HttpRequest::default() };
    let response = io.request(request)?;
    if !response.is_success() {
        return Err(io.end(Failure::of(&response)));
    }
    Ok(if name.is_some() { vec![response.body] } else { response.body["items"].items().to_vec() })
}

/// CPU in thousandths, memory and swap in bytes; the metrics API counts billionths of a core.
type Usage = (i64, i64, i64);

fn usage(of: &Doc) -> Usage {
    (milli(&of["cpu"]), bytes(&of["memory"]), bytes(&of["swap"]))
}

/// What is shown of it.
fn cells((cpu, memory, swap): Usage, args: &Args) -> String {
    let mega = |amount: i64| amount / (1024 * 1024);
    let swap = if args.is_on("show-swap") { format!("\t{}Mi", mega(swap)) } else { String::new() };
    format!("{cpu}m\t{}Mi{swap}", mega(memory))
}

/// By what is asked for, most first; else by name.
fn sort(rows: &mut [(String, String, Usage)], by: &str) {
    sort_by(rows, |one, two| match by {
        "cpu" => two.2.0.cmp(&one.2.0),
        "memory" => two.2.1.cmp(&one.2.1),
        _ => (&one.0, &one.1).cmp(&(&two.0, &two.1)),
    });
}

fn of_nodes(name: Option<&str>, args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let metrics = metrics("nodes", name, args, io)?;
    if metrics.is_empty() {
        return Err(io.fail("metrics not available yet"));
    }
    let target = Target::new(Kind::Node, "", name.unwrap_or(""));
    let response = io.request(super::resource::selected(&target, args))?;
    if !response.is_success() {
        return io.finish(vec![Failure::of(&response)]);
    }
    let nodes = if name.is_some() { vec![response.body] } else { response.body["items"].items().to_vec() };
    let field = if args.is_on("show-capacity") { "capacity" } else { "allocatable" };
    let mut rows: Vec<(String, String, Usage)> = metrics
        .iter()
        .map(|metric| (metric["metadata"]["name"].str().to_string(), String::new(), usage(&metric["usage"])))
        .collect();
    sort(&mut rows, args.get("sort-by").unwrap_or(""));
    let mut text = String::new();
    let with_swap = args.is_on("show-swap");
    if !args.is_on("no-headers") {
        text.push_str("NAME\tCPU(cores)\tCPU(%)\tMEMORY(bytes)\tMEMORY(%)\t");
        text.push_str(if with_swap { "SWAP(bytes)\tSWAP(%)\t\n" } else { "\n" });
    }
    for (name, _, used) in &rows {
        let node = nodes.iter().find(|node| node["metadata"]["name"].as_str() == Some(name));
        let all = node.map_or((0, 0, 0), |node| usage(&node["status"][field]));
        let share =
            |part: i64, whole: i64| if whole == 0 { 0 } else { i128::from(part) * 100 / i128::from(whole) };
        let (cpu, memory) = (used.0, used.1 / (1024 * 1024));
        let (of_cpu, of_memory) = (share(used.0, all.0), share(used.1, all.1));
        // The simulated nodes have no swap.
        let swap = if with_swap { "<unknown>\t<unknown>\t" } else { "" };
        text.push_str(&format!("{name}\t{cpu}m\t{of_cpu}%\t{memory}Mi\t{of_memory}%\t{swap}\n"));
    }
    for node in &nodes {
        let name = node["metadata"]["name"].str();
        if !rows.iter().any(|(known, ..)| *known == *name) {
            text.push_str(&format!("{name}{}\t\n", "\t<unknown>".repeat(if with_swap { 6 } else { 4 })));
        }
    }
    io.print(&align(&text, WIDE));
    Ok(())
}

/// The pods of which there could be metrics.
fn pods(args: &Args, io: &mut Io<'_>) -> Result<Vec<Doc>, Stop> {
    let namespace = if args.is_on("all-namespaces") { "" } else { args.namespace() };
    let response = io.request(super::resource::selected(&Target::new(Kind::Pod, namespace, ""), args))?;
    if !response.is_success() {
        return Err(io.end(Failure::of(&response)));
    }
    Ok(response.body["items"].items().to_vec())
}

fn of_pods(name: Option<&str>, args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let everywhere = args.is_on("all-namespaces");
    let path = if everywhere { "pods".to_owned() } else { format!("namespaces/{}/pods", args.namespace()) };
    let metrics = metrics(&path, name, args, io)?;
    if metrics.is_empty() {
        if !pods(args, io)?.is_empty() {
            return Err(io.fail("metrics not available yet"));
        }
        io.warn(match everywhere {
            true => "No resources found".to_owned(),
            false => format!("No resources found in {} namespace.", args.namespace()),
        });
        return Ok(());
    }
    let containers = args.is_on("containers");
    let mut rows: Vec<(String, String, Usage)> = Vec::new();
    for metric in &metrics {
        let metadata = &metric["metadata"];
        let mut title = if everywhere { format!("{}\t", metadata["namespace"].str()) } else { String::new() };
        title.push_str(&metadata["name"].str());
        let each = metric["containers"].items();
        if containers {
            let row = |one: &Doc| (title.clone(), one["name"].str().to_string(), usage(&one["usage"]));
            rows.extend(each.iter().map(row));
        } else {
            rows.push((title, String::new(), total(each)));
        }
    }
    sort(&mut rows, args.get("sort-by").unwrap_or(""));
    let mut text = String::new();
    let with_swap = args.is_on("show-swap");
    if !args.is_on("no-headers") {
        let namespace = if everywhere { "NAMESPACE\t" } else { "" };
        let pod = if containers { "POD\t" } else { "" };
        let swap = if with_swap { "SWAP(bytes)\t" } else { "" };
        text.push_str(&format!("{namespace}{pod}NAME\tCPU(cores)\tMEMORY(bytes)\t{swap}\n"));
    }
    for (title, container, used) in &rows {
        let used = cells(*used, args);
        let container = if containers { format!("{container}\t") } else { String::new() };
        text.push_str(&format!("{title}\t{container}{used}\t\n"));
    }
    if args.is_on("sum") {
        let before =
            "\t".repeat(1 + usize::from(everywhere) + usize::from(containers) + usize::from(with_swap));
        let add = |sum: Usage, one: Usage| (sum.0 + one.0, sum.1 + one.1, sum.2 + one.2);
        let used = cells(rows.iter().fold((0, 0, 0), |sum, row| add(sum, row.2)), args);
        text.push_str(&format!("{before}________\t________\t\n{before}{used}\t\n"));
    }
    io.print(&align(&text, WIDE));
    Ok(())
}

/// What the containers of a pod use together, each counted as fine as the metrics are.
fn total(containers: &[Doc]) -> Usage {
    let sum = |resource: &str| -> i128 {
        let amounts =
            containers.iter().map(|one| parse_quantity(&super::jsonpath::print(&one["usage"][resource])));
        amounts.map(Option::unwrap_or_default).sum()
    };
    (sum("cpu") as i64, (sum("memory") / 1000) as i64, (sum("swap") / 1000) as i64)
}
