//! Policies: of networks, of roles, of disruptions.

use crate::collections::sort_by_key;
use crate::doc::{Doc, Str};

use super::super::io::Stop;
use super::sheet::Sheet;
use super::values::{bare, selector};

fn or_none(text: String) -> String {
    if text.is_empty() { "<none>".into() } else { text }
}

pub fn budget_selector(sheet: &mut Sheet<'_, '_>, budget: &Doc, _: &str) -> Result<(), Stop> {
    let chosen = &budget["spec"]["selector"];
    let shown = if chosen.is_null() { "<unset>".into() } else { or_none(selector(chosen)) };
    sheet.line(0, format!("Selector:\t{shown}"));
    Ok(())
}

/// One direction of a NetworkPolicy: type, fields, and kubectl's words.
struct Direction {
    kind: &'static str,
    rules: &'static str,
    peers: &'static str,
    noun: &'static str,
    peer: &'static str,
    unrestricted: &'static str,
}

const DIRECTIONS: [Direction; 2] = [
    Direction {
        kind: "Ingress",
        rules: "ingress",
        peers: "from",
        noun: "ingress",
        peer: "From",
        unrestricted: "source",
    },
    Direction {
        kind: "Egress",
        rules: "egress",
        peers: "to",
        noun: "egress",
        peer: "To",
        unrestricted: "destination",
    },
];

pub fn network(sheet: &mut Sheet<'_, '_>, policy: &Doc, _: &str) -> Result<(), Stop> {
    let spec = &policy["spec"];
    let pods = selector(&spec["podSelector"]);
    let pods = match pods.as_str() {
        "" => "    <none> (Allowing the specific traffic to all pods in this namespace)".to_owned(),
        pods => format!("    {pods}"),
    };
    sheet.line(1, format!("PodSelector: {pods}"));
    let types: Vec<String> = spec["policyTypes"].items().iter().map(bare).collect();
    for direction in &DIRECTIONS {
        if !types.iter().any(|kind| kind == direction.kind) {
            sheet.line(1, format!("Not affecting {} traffic", direction.noun));
            continue;
        }
        sheet.line(1, format!("Allowing {} traffic:", direction.noun));
        let rules = spec[direction.rules].items();
        if rules.is_empty() {
            sheet.line(2, format!("<none> (Selected pods are isolated for {} connectivity)", direction.noun));
        }
        for (at, rule) in rules.iter().enumerate() {
            if at > 0 {
                sheet.line(2, "----------");
            }
            allowed(sheet, rule, direction);
        }
    }
    sheet.line(1, format!("Policy Types: {}", types.join(", ")));
    Ok(())
}

fn allowed(sheet: &mut Sheet<'_, '_>, rule: &Doc, direction: &Direction) {
    if rule["ports"].is_empty() {
        sheet.line(2, "To Port: <any> (traffic allowed to all ports)");
    }
    for port in rule["ports"].items() {
        let protocol = port["protocol"].as_str().unwrap_or("TCP");
        let number = if port["port"].is_null() { "<nil>".to_owned() } else { bare(&port["port"]) };
        match port["endPort"].as_i64() {
            None => sheet.line(2, format!("To Port: {number}/{protocol}")),
            Some(end) => sheet.line(2, format!("To Port Range: {number}-{end}/{protocol}")),
        }
    }
    let peers = rule[direction.peers].items();
    if peers.is_empty() {
        let (peer, what) = (direction.peer, direction.unrestricted);
        sheet.line(2, format!("{peer}: <any> (traffic not restricted by {what})"));
    }
    for peer in peers {
        sheet.line(2, format!("{}:", direction.peer));
        for (title, field) in [("NamespaceSelector", "namespaceSelector"), ("PodSelector", "podSelector")] {
            if !peer[field].is_null() {
                sheet.line(3, format!("{title}: {}", or_none(selector(&peer[field]))));
            }
        }
        let block = &peer["ipBlock"];
        if peer["podSelector"].is_null() && peer["namespaceSelector"].is_null() && !block.is_null() {
            let except: Vec<String> = block["except"].items().iter().map(bare).collect();
            sheet.line(3, "IPBlock:");
            sheet.line(4, format!("CIDR: {}", block["cidr"].str()));
            sheet.line(4, format!("Except: {}", except.join(", ")));
        }
    }
}

/// One line of a role's rules: group, resource, URLs, names, verbs.
#[derive(Clone, PartialEq)]
struct Rule {
    group: Str,
    resource: Str,
    url: Option<Str>,
    name: Option<Str>,
    verbs: Vec<Str>,
}

impl Rule {
    fn same_but_for_verbs(&self, other: &Rule) -> bool {
        self.url.is_none()
            && other.url.is_none()
            && (&self.group, &self.resource, &self.name) == (&other.group, &other.resource, &other.name)
    }

    /// What rules are sorted by.
    fn order(&self) -> String {
        let verbs = self.verbs.join(" ");
        if let Some(url) = &self.url {
            return format!("[{verbs}],APIGroups:[],Resources:[],ResourceNames:[],NonResourceURLs:[{url}]");
        }
        let name = self.name.clone().unwrap_or_default();
        format!("[{verbs}],APIGroups:[{}],Resources:[{}],ResourceNames:[{name}]", self.group, self.resource)
    }

    fn line(&self) -> String {
        let (resource, part) = self.resource.split_once('/').unwrap_or((&self.resource, ""));
        let group = if self.group.is_empty() { String::new() } else { format!(".{}", self.group) };
        let part = if part.is_empty() { String::new() } else { format!("/{part}") };
        let (url, name) = (self.url.clone().unwrap_or_default(), self.name.clone().unwrap_or_default());
        let resource = if self.url.is_some() { String::new() } else { format!("{resource}{group}{part}") };
        format!("{resource}\t[{url}]\t[{name}]\t[{}]", self.verbs.join(" "))
    }
}

pub fn rules(sheet: &mut Sheet<'_, '_>, role: &Doc, _: &str) -> Result<(), Stop> {
    compact(role["rules"].items()).iter().for_each(|line| sheet.line(1, line));
    Ok(())
}

/// Rules as lines of cells: each resource once, with all its verbs.
pub fn compact(given: &[Doc]) -> Vec<String> {
    let mut rules: Vec<Rule> = Vec::new();
    let texts = |doc: &Doc| -> Vec<Str> { doc.items().iter().map(Doc::str).collect() };
    for rule in given {
        let names = texts(&rule["resourceNames"]);
        let names: Vec<Option<Str>> =
            if names.is_empty() { vec![None] } else { names.into_iter().map(Some).collect() };
        for group in texts(&rule["apiGroups"]) {
            for resource in texts(&rule["resources"]) {
                for verb in texts(&rule["verbs"]) {
                    for name in &names {
                        let (group, resource, name) = (group.clone(), resource.clone(), name.clone());
                        add(&mut rules, Rule { group, resource, url: None, name, verbs: vec![verb.clone()] });
                    }
                }
            }
        }
        for url in texts(&rule["nonResourceURLs"]) {
            for verb in texts(&rule["verbs"]) {
                let (group, resource) = (Str::new(), Str::new());
                rules.push(Rule { group, resource, url: Some(url.clone()), name: None, verbs: vec![verb] });
            }
        }
    }
    sort_by_key(&mut rules, Rule::order);
    rules.iter().map(Rule::line).collect()
}

/// Adds a rule of one verb; rules of one resource become one.
fn add(rules: &mut Vec<Rule>, rule: Rule) {
    match rules.iter_mut().find(|known| known.same_but_for_verbs(&rule)) {
        Some(known) if known.verbs.contains(&rule.verbs[0]) => {}
        Some(known) => known.verbs.extend(rule.verbs),
        None => rules.push(rule),
    }
}
