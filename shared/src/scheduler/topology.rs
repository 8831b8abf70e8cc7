//! Topologies: the values of a node label as domains, and how many of the pods that a selector selects are in each.
//!
//! What a constraint needs to know of a domain is one number. The numbers of the selectors that pods were scheduled with
//! last are kept current pod by pod, so that an attempt need not look at where all the pods are.

use std::sync::Arc;

use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::doc::Str;

use super::groups::Groups;
use super::template::Template;

/// No domain: the node lacks the label.
pub const NOWHERE: u32 = u32::MAX;

/// Of so many selectors the numbers are kept.
const SELECTORS: usize = 16;

/// The values of one node label as domains.
#[derive(Codec, Clone, Debug, Default)]
pub struct Domains {
    values: BTreeMap<Str, u32>,
    /// By slot: the domain, or [`NOWHERE`].
    pub of: Vec<u32>,
    /// By domain: how many nodes are in it.
    pub nodes: Vec<u32>,
    inhabited: u32,
    members: u32,
}

impl Domains {
    /// Puts a node into the domain of its label's value, or takes it out of all.
    pub fn place(&mut self, slot: u32, value: Option<&str>) {
        let domain = value.map_or(NOWHERE, |value| match self.values.get(value) {
            Some(&domain) => domain,
            None => {
                let domain = self.len();
                self.values.insert(value.into(), domain);
                self.nodes.push(0);
                domain
            }
        });
        let before = std::mem::replace(&mut self.of[slot as usize], domain);
        if before != NOWHERE {
            let nodes = &mut self.nodes[before as usize];
            *nodes -= 1;
            self.members -= 1;
            self.inhabited -= u32::from(*nodes == 0);
        }
        if domain != NOWHERE {
            let nodes = &mut self.nodes[domain as usize];
            self.inhabited += u32::from(*nodes == 0);
            self.members += 1;
            *nodes += 1;
        }
    }

    /// How many values there have been.
    pub fn len(&self) -> u32 {
        self.values.len() as u32
    }

    /// Whether no node has ever had the label.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// How many values some node has.
    pub fn inhabited(&self) -> u32 {
        self.inhabited
    }

    /// How many nodes have the label.
    pub fn members(&self) -> u32 {
        self.members
    }
}

/// How many of a selector's pods, those being deleted left out, are in each domain of a label.
#[derive(Codec, Clone, Debug)]
pub struct Tally {
    /// The label; empty for the nodes themselves.
    label: Str,
    /// By domain.
    pub pods: Vec<u32>,
    /// By number of pods: how many of the domains that have nodes have so many.
    levels: Vec<u32>,
    fewest: u32,
}

impl Tally {
    /// Counts all anew.
    fn count(label: &Str, domains: &Domains, pods: impl Iterator<Item = (u32, u32)>) -> Tally {
        let mut tally = Tally { label: label.clone(), pods: Vec::new(), levels: Vec::new(), fewest: 0 };
        if label.is_empty() {
            tally.pods = vec![0; domains.of.len()];
            pods.for_each(|(slot, count)| tally.pods[slot as usize] += count);
            return tally;
        }
        tally.pods = vec![0; domains.len() as usize];
        for (slot, count) in pods {
            if let Some(sum) = tally.pods.get_mut(domains.of[slot as usize] as usize) {
                *sum += count;
            }
        }
        for (&count, _) in tally.pods.iter().zip(&domains.nodes).filter(|(_, nodes)| **nodes > 0) {
            *level(&mut tally.levels, count) += 1;
        }
        tally.fewest = tally.levels.iter().position(|&domains| domains > 0).unwrap_or(0) as u32;
        tally
    }

    /// The number of pods in the emptiest domain that has nodes.
    pub fn fewest(&self) -> u32 {
        self.fewest
    }

    /// Of one that counts by node: the number of the node in a slot.
    pub fn of(&self, slot: u32) -> u32 {
        self.pods.get(slot as usize).copied().unwrap_or(0)
    }

    fn change(&mut self, slot: u32, domains: Option<&Domains>, more: bool) {
        let domain = match domains {
            Some(domains) => domains.of[slot as usize],
            None => slot,
        };
        if domain == NOWHERE {
            return;
        }
        if domains.is_none() && self.pods.len() <= slot as usize {
            self.pods.resize(slot as usize + 1, 0);
        }
        let pods = &mut self.pods[domain as usize];
        let before = *pods;
        let now = if more { before + 1 } else { before - 1 };
        *pods = now;
        if domains.is_some() {
            *level(&mut self.levels, now) += 1;
            let left = level(&mut self.levels, before);
            *left -= 1;
            if now < self.fewest || before == self.fewest && *left == 0 {
                self.fewest = now;
            }
        }
    }
}

fn level(levels: &mut Vec<u32>, pods: u32) -> &mut u32 {
    if levels.len() <= pods as usize {
        levels.resize(pods as usize + 1, 0);
    }
    &mut levels[pods as usize]
}

/// The numbers of one selector.
#[derive(Codec, Clone, Debug)]
struct Selected {
    selector: u32,
    /// Tells it from a selector that had the number before.
    serial: u64,
    tallies: Vec<Tally>,
}

/// The numbers that are kept, of the selector that was used last first. They follow from the groups and the domains.
#[derive(Codec, Clone, Debug, Default)]
pub struct Tallies {
    kept: Vec<Selected>,
}

impl Tallies {
    /// The number of a selector's pods by domain of a label (by node where it is empty), if they are kept.
    pub fn get(&self, selector: u32, label: &str) -> Option<&Tally> {
        let selected = self.kept.iter().find(|selected| selected.selector == selector)?;
        selected.tallies.iter().find(|tally| tally.label == label)
    }

    /// Keeps the number of a selector's pods by domain of a label (by node where it is empty) from now on.
    pub fn keep(&mut self, groups: &Groups, selector: u32, label: &Str, domains: &Domains) {
        let known = groups.selector(selector);
        let at = self.kept.iter().position(|selected| selected.selector == selector);
        match at {
            Some(0) => {}
            Some(at) => self.kept[..=at].rotate_right(1),
            None => {
                self.kept.truncate(SELECTORS - 1);
                self.kept.insert(0, Selected { selector, serial: known.serial(), tallies: Vec::new() });
            }
        }
        let selected = &mut self.kept[0];
        if selected.serial != known.serial() {
            *selected = Selected { selector, serial: known.serial(), tallies: Vec::new() };
        }
        if selected.tallies.iter().all(|tally| tally.label != *label) {
            let pods = known.groups.iter().flat_map(|&group| groups.get(group).staying.iter());
            selected.tallies.push(Tally::count(label, domains, pods));
        }
    }

    /// A pod of `template` is on a node now, or no longer.
    pub fn change(
        &mut self,
        groups: &Groups,
        all: &BTreeMap<Str, Arc<Domains>>,
        template: &Template,
        slot: u32,
        more: bool,
    ) {
        if self.kept.is_empty() {
            return;
        }
        let selected_by = groups.selecting(template);
        for selected in &mut self.kept {
            let counts = selected_by.binary_search(&selected.selector).is_ok()
                && groups.selector(selected.selector).serial() == selected.serial;
            if counts {
                selected.tallies.iter_mut().for_each(|tally| {
                    let domains = (!tally.label.is_empty()).then(|| &*all[&tally.label]);
                    tally.change(slot, domains, more);
                });
            }
        }
    }

    /// Nodes came, went or were labelled differently: all is counted anew when it is next asked for.
    pub fn forget(&mut self) {
        self.kept.clear();
    }
}
