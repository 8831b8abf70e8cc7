//! Pods of one template as a group, and which groups each selector selects. Binding a pod changes one number in its
//! group; what constraints and affinity terms need to know is summed up from groups, never from pods.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::api::LabelSelector;
use crate::codec::Codec;
use crate::collections::BTreeMap;

use super::counts::Counts;
use super::selector::{PodSelector, Scope};
use super::template::{Template, Term, selector_digest};

/// Groups without pods that are kept, since the next pod of a template often follows soon.
const IDLE: usize = 64;

/// The pods of one template.
#[derive(Codec, Clone, Debug)]
pub struct Group {
    /// What they have in common.
    pub template: Arc<Template>,
    /// How many are on each node, without those being deleted.
    pub staying: Counts,
    /// How many that are being deleted are on each node.
    pub leaving: Counts,
    /// The selector of each of the template's topology spread constraints.
    pub spread: Vec<u32>,
    /// The selector of the default spread constraints, when the template has none of its own and a Service or owner
    /// selects its pods.
    pub default_spread: Option<u32>,
    /// The selector of each required affinity term.
    pub affinity: Vec<u32>,
    /// The selector of each required anti-affinity term.
    pub anti_affinity: Vec<u32>,
    /// The selector of each preferred term.
    pub preferred: Vec<u32>,
    /// All selectors that select these pods.
    pub selected_by: Vec<u32>,
    /// What node affinity says of each node.
    pub verdicts: Option<Arc<AffinityVerdicts>>,
    pods: u32,
}

/// Node affinity looked up once a node, valid while no node's labels change.
#[derive(Codec, Clone, Debug, Default)]
pub struct AffinityVerdicts {
    /// The epoch of the nodes they were made in.
    pub epoch: u64,
    /// By slot: whether the node has what is required.
    pub allowed: Vec<bool>,
    /// By slot: the weights of the preferences it meets; empty when there are none.
    pub preference: Vec<i64>,
}

/// A selector of pods that some group uses.
#[derive(Codec, Clone, Debug)]
pub struct Selector {
    what: PodSelector,
    digest: u128,
    /// Another number than any selector had before.
    serial: u64,
    users: u32,
    /// The groups it selects, ascending.
    pub groups: Vec<u32>,
    /// The groups whose affinity terms use it, ascending.
    pub holders: Vec<u32>,
}

impl Selector {
    /// Tells it from all selectors that had the same number before.
    pub fn serial(&self) -> u64 {
        self.serial
    }
}

/// All groups and selectors.
#[derive(Codec, Clone, Debug, Default)]
pub struct Groups {
    groups: Slab<Group>,
    by_template: BTreeMap<u128, u32>,
    selectors: Slab<Selector>,
    by_selector: BTreeMap<u128, u32>,
    serials: u64,
    idle: VecDeque<(u32, u128)>,
}

#[derive(Codec, Clone, Debug)]
struct Slab<T> {
    items: Vec<Option<Arc<T>>>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Slab<T> {
        Slab { items: Vec::new(), free: Vec::new() }
    }
}

impl<T: Clone> Slab<T> {
    fn insert(&mut self, item: T) -> u32 {
        let item = Some(Arc::new(item));
        if let Some(id) = self.free.pop() {
            self.items[id as usize] = item;
            return id;
        }
        self.items.push(item);
        (self.items.len() - 1) as u32
    }

    fn get(&self, id: u32) -> &T {
        self.items[id as usize].as_deref().expect("the number of something kept")
    }

    fn get_mut(&mut self, id: u32) -> &mut T {
        Arc::make_mut(self.items[id as usize].as_mut().expect("the number of something kept"))
    }

    fn remove(&mut self, id: u32) -> Arc<T> {
        self.free.push(id);
        self.items[id as usize].take().expect("the number of something kept")
    }

    fn ids(&self) -> Vec<u32> {
        (0..self.items.len() as u32).filter(|&id| self.items[id as usize].is_some()).collect()
    }
}

impl Groups {
    /// The group numbered `id`.
    pub fn get(&self, id: u32) -> &Group {
        self.groups.get(id)
    }

    /// The selector numbered `id`.
    pub fn selector(&self, id: u32) -> &Selector {
        self.selectors.get(id)
    }

    /// The selectors that select pods of a template that is known, ascending.
    pub fn selecting(&self, template: &Template) -> &[u32] {
        self.by_template.get(&template.digest).map_or(&[], |&id| &self.groups.get(id).selected_by)
    }

    /// Keeps what node affinity says.
    pub fn set_verdicts(&mut self, id: u32, verdicts: Arc<AffinityVerdicts>) {
        self.groups.get_mut(id).verdicts = Some(verdicts);
    }

    /// The template with a digest, if it is known.
    pub fn template(&self, digest: u128) -> Option<&Arc<Template>> {
        self.by_template.get(&digest).map(|&id| &self.groups.get(id).template)
    }

    /// A pod of `template` is on `slot`.
    pub fn add_pod(&mut self, template: &Arc<Template>, slot: u32, leaving: bool) {
        let id = self.group_of(template);
        let group = self.groups.get_mut(id);
        group.pods += 1;
        if leaving { group.leaving.add(slot) } else { group.staying.add(slot) }
    }

    /// A pod of `template` is no longer on `slot`.
    pub fn remove_pod(&mut self, template: &Template, slot: u32, leaving: bool) {
        let id = *self.by_template.get(&template.digest).expect("its pods are in a group");
        let group = self.groups.get_mut(id);
        group.pods -= 1;
        if leaving {
            group.leaving.remove(slot)
        } else {
            group.staying.remove(slot)
        }
        if group.pods == 0 {
            self.idle.push_back((id, template.digest));
            self.drop_idle();
        }
    }

    /// The group of a template's pods.
    pub fn group_of(&mut self, template: &Arc<Template>) -> u32 {
        if let Some(&id) = self.by_template.get(&template.digest) {
            return id;
        }
        let selected_by = self.selectors.ids();
        let selects = |id: &u32| self.selectors.get(*id).what.matches(&template.namespace, &template.labels);
        let selected_by: Vec<u32> = selected_by.into_iter().filter(selects).collect();
        let id = self.groups.insert(Group {
            template: Arc::clone(template),
            staying: Counts::default(),
            leaving: Counts::default(),
            spread: Vec::new(),
            default_spread: None,
            affinity: Vec::new(),
            anti_affinity: Vec::new(),
            preferred: Vec::new(),
            selected_by: selected_by.clone(),
            verdicts: None,
            pods: 0,
        });
        self.by_template.insert(template.digest, id);
        for selector in selected_by {
            insert_sorted(&mut self.selectors.get_mut(selector).groups, id);
        }
        let spread =
            template.spread.iter().map(|constraint| self.use_selector(&constraint.selector)).collect();
        let affinity = self.hold(id, template.affinity.iter());
        let anti_affinity = self.hold(id, template.anti_affinity.iter());
        let preferred = self.hold(id, template.preferred.iter().map(|(_, term)| term));
        let group = self.groups.get_mut(id);
        group.spread = spread;
        group.affinity = affinity;
        group.anti_affinity = anti_affinity;
        group.preferred = preferred;
        self.idle.push_back((id, template.digest));
        self.drop_idle();
        id
    }

    /// Says which pods the default spread constraints of a group count.
    pub fn set_default_spread(&mut self, id: u32, selector: Option<&LabelSelector>) {
        let namespace = &self.groups.get(id).template.namespace;
        let wanted = selector.map(|labels| PodSelector {
            scope: Scope::Namespaces(vec![namespace.clone()]),
            labels: labels.clone(),
        });
        let before = self.groups.get(id).default_spread;
        if before.map(|known| &self.selectors.get(known).what) == wanted.as_ref() {
            return;
        }
        let now = wanted.map(|selector| self.use_selector(&selector));
        self.groups.get_mut(id).default_spread = now;
        if let Some(before) = before {
            self.release(before);
        }
    }

    fn hold<'a>(&mut self, group: u32, terms: impl Iterator<Item = &'a Term>) -> Vec<u32> {
        let mut ids = Vec::new();
        for term in terms {
            let id = self.use_selector(&term.selector);
            insert_sorted(&mut self.selectors.get_mut(id).holders, group);
            ids.push(id);
        }
        ids
    }

    fn use_selector(&mut self, what: &PodSelector) -> u32 {
        let digest = selector_digest(what);
        if let Some(&id) = self.by_selector.get(&digest) {
            self.selectors.get_mut(id).users += 1;
            return id;
        }
        let selects = |id: &u32| {
            let template = &self.groups.get(*id).template;
            what.matches(&template.namespace, &template.labels)
        };
        let groups: Vec<u32> = self.groups.ids().into_iter().filter(selects).collect();
        self.serials += 1;
        let serial = self.serials;
        let selector = Selector {
            what: what.clone(),
            digest,
            serial,
            users: 1,
            groups: groups.clone(),
            holders: Vec::new(),
        };
        let id = self.selectors.insert(selector);
        self.by_selector.insert(digest, id);
        for group in groups {
            insert_sorted(&mut self.groups.get_mut(group).selected_by, id);
        }
        id
    }

    fn release(&mut self, id: u32) {
        let selector = self.selectors.get_mut(id);
        selector.users -= 1;
        if selector.users > 0 {
            return;
        }
        let selector = self.selectors.remove(id);
        self.by_selector.remove(&selector.digest);
        for &group in &selector.groups {
            remove_sorted(&mut self.groups.get_mut(group).selected_by, id);
        }
    }

    fn drop_idle(&mut self) {
        while self.idle.len() > IDLE {
            let Some((id, digest)) = self.idle.pop_front() else { return };
            let known = self.by_template.get(&digest) == Some(&id);
            if known && self.groups.get(id).pods == 0 && !self.idle.contains(&(id, digest)) {
                self.forget(id);
            }
        }
    }

    fn forget(&mut self, id: u32) {
        let group = Arc::clone(self.groups.items[id as usize].as_ref().expect("a known group"));
        for &selector in &group.selected_by {
            remove_sorted(&mut self.selectors.get_mut(selector).groups, id);
        }
        let held = group.affinity.iter().chain(&group.anti_affinity).chain(&group.preferred);
        for &selector in held.clone() {
            remove_sorted(&mut self.selectors.get_mut(selector).holders, id);
        }
        // Out of the slab first: releasing a selector must not look at this group any more.
        self.by_template.remove(&group.template.digest);
        self.groups.remove(id);
        for &selector in held.chain(&group.spread).chain(&group.default_spread) {
            self.release(selector);
        }
    }
}

fn insert_sorted(list: &mut Vec<u32>, id: u32) {
    if let Err(at) = list.binary_search(&id) {
        list.insert(at, id);
    }
}

fn remove_sorted(list: &mut Vec<u32>, id: u32) {
    if let Ok(at) = list.binary_search(&id) {
        list.remove(at);
    }
}
