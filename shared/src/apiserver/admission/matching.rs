//! What admission policies and webhooks have in common: which writes they mean, and what their expressions may speak
//! of.

use std::sync::Arc;

use crate::api::cel::{Budget, Names, Program, authorizer};
use crate::api::plain::POLICY_NAMES;
use crate::api::{Key, Kind, LabelSelector, Object, Request, Subresource, User};
use crate::doc;
use crate::doc::{Doc, Str};
use crate::etcd::Store;

use super::super::authorization::{Wish, allowed_by, path_allowed_by};
use super::super::review::info_of;

pub(super) const OUT_OF_BUDGET: &str =
    "validation failed due to running out of cost budget, no further validation rules will be run";

/// A write that is looked at.
pub(super) struct Look<'a> {
    pub request: &'a Request,
    pub store: &'a Store,
    pub key: &'a Key,
    /// The whole object as it would be stored; `null` when it is deleted.
    pub doc: &'a Doc,
    pub old: Option<&'a Doc>,
}

impl Look<'_> {
    pub fn operation(&self) -> &'static str {
        match (self.doc.is_null(), self.old) {
            _ if self.request.subresource.is_connection() => "CONNECT",
            (true, _) => "DELETE",
            (false, Some(_)) => "UPDATE",
            (false, None) => "CREATE",
        }
    }

    /// Who looks after writes does not look after itself.
    pub fn is_exempt(&self) -> bool {
        self.key.kind.info().group == "admissionregistration.k8s.io"
    }

    /// Whether rules (in the field called so) and selectors mean this write; none at all mean every one.
    pub fn is_meant(&self, constraints: &Doc, rules: &str) -> bool {
        if constraints.is_null() {
            return true;
        }
        let any = |rules: &str| constraints[rules].items().iter().any(|rule| self.rule_matches(rule));
        (constraints[rules].is_empty() || any(rules))
            && !any("excludeResourceRules")
            && self.selects_object(&constraints["objectSelector"])
            && self
                .namespace_labels()
                .is_none_or(|labels| selects(&constraints["namespaceSelector"], &labels))
    }

    /// It is enough that the object was meant, or will be.
    fn selects_object(&self, selector: &Doc) -> bool {
        let mut states = [Some(self.doc), self.old].into_iter().flatten().filter(|doc| !doc.is_null());
        selector.is_empty() || states.any(|doc| selects(selector, &doc["metadata"]["labels"]))
    }

    fn rule_matches(&self, rule: &Doc) -> bool {
        let info = self.key.kind.info();
        let has = |field: &str, wanted: &str| {
            let is = |one: &Doc| matches!(one.as_str(), Some(text) if text == "*" || text == wanted);
            rule[field].items().iter().any(is)
        };
        let part = self.request.subresource.path();
        let resources = rule["resources"].items().iter().filter_map(Doc::as_str).any(|text| {
            let (resource, of) = text.split_once('/').unwrap_or((text, ""));
            (resource == "*" || resource == info.plural) && (of == "*" || of == part)
        });
        let scope = match rule["scope"].as_str() {
            Some("Cluster") => !info.namespaced,
            Some("Namespaced") => info.namespaced,
            _ => true,
        };
        let named = rule["resourceNames"].is_empty() || has("resourceNames", &self.key.name);
        has("operations", self.operation())
            && has("apiGroups", info.group)
            && has("apiVersions", info.version)
            && resources
            && scope
            && named
    }

    fn namespace(&self) -> Option<&Arc<Object>> {
        let name = if self.key.kind == Kind::Namespace { &self.key.name } else { &self.key.namespace };
        self.store.get(&Key::new(Kind::Namespace, Str::new(), name.clone()))
    }

    /// The labels that a selector of namespaces looks at; nothing for what is in none.
    fn namespace_labels(&self) -> Option<Doc> {
        match self.key.kind {
            Kind::Namespace if self.doc.is_null() => {
                Some(self.old.map_or(Doc::Null, |old| old["metadata"]["labels"].clone()))
            }
            Kind::Namespace => Some(self.doc["metadata"]["labels"].clone()),
            kind if kind.info().namespaced => self.namespace().map(|namespace| namespace.meta.labels.clone()),
            _ => None,
        }
    }

    /// What the expressions may speak of.
    pub fn names(&self, params: Doc) -> Names<'static> {
        let info = self.key.kind.info();
        let user = &self.request.user;
        let part = self.request.subresource.path();
        let kind = match self.request.subresource {
            Subresource::Scale => doc!({ "group": "autoscaling", "version": "v1", "kind": "Scale" }),
            part if part.is_connection() => doc!({ "group": "", "version": "v1", "kind": part.body_kind() }),
            _ => doc!({ "group": info.group, "version": info.version, "kind": info.kind }),
        };
        let resource = doc!({ "group": info.group, "version": info.version, "resource": info.plural });
        let request = doc!({
            "operation": self.operation(), "name": &self.key.name, "namespace": &self.key.namespace,
            "kind": kind.clone(), "requestKind": kind, "resource": resource.clone(), "requestResource": resource,
            "subResource": part, "requestSubResource": part, "dryRun": self.request.options.dry_run,
            "userInfo": info_of(user)
        });
        let namespace = match self.key.kind.info().namespaced {
            true => self.namespace().map_or(Doc::Null, |namespace| namespace.to_doc()),
            false => Doc::Null,
        };
        let old = self.old.cloned().unwrap_or_default();
        let asked = authorizer(doc!({
            "group": info.group, "resource": info.plural, "subresource": part, "namespace": &self.key.namespace,
            "name": &self.key.name
        }));
        let values = [self.doc.clone(), old, request, params, namespace, Doc::map(), asked];
        POLICY_NAMES.into_iter().zip(values).collect()
    }
}

fn selects(selector: &Doc, labels: &Doc) -> bool {
    selector.is_empty() || LabelSelector::from_doc(selector).matches(labels)
}

impl Look<'_> {
    /// Whether all conditions hold.
    pub fn conditions(&self, of: &Doc, names: &Names<'_>) -> Result<bool, String> {
        let mut budget = Budget::of_conditions();
        for condition in of["matchConditions"].items() {
            let holds = self.evaluated(&condition["expression"], &POLICY_NAMES, names, &mut budget)?;
            if holds.as_bool() != Some(true) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What comes of an expression in which these names may stand, within what is left to spend.
    pub fn evaluated(
        &self,
        expression: &Doc,
        known: &[&str],
        names: &Names<'_>,
        budget: &mut Budget,
    ) -> Result<Doc, String> {
        let text = expression.str();
        self.value(&text, known, names, budget).map_err(|why| match why.as_str() {
            OUT_OF_BUDGET => why,
            _ => format!("expression '{}' resulted in error: {why}", text.trim()),
        })
    }

    /// The same, where a failure does not say of which expression it is.
    pub fn value(
        &self,
        text: &str,
        known: &[&str],
        names: &Names<'_>,
        budget: &mut Budget,
    ) -> Result<Doc, String> {
        let program = Program::read(text, known)?;
        let ask = |asked: &Doc| self.allowed(asked);
        let made = program.evaluate(names, Some(&ask));
        if budget.pay(made.cost) { made.value } else { Err(OUT_OF_BUDGET.into()) }
    }

    /// Whether whoever an expression asks for may do what it asks, and why.
    fn allowed(&self, asked: &Doc) -> (bool, String) {
        let account = asked["account"].str();
        let user = match account.is_empty() {
            true => self.request.user.clone(),
            false => User {
                groups: super::super::token::account_groups(&account),
                name: account,
                read_only: false,
                impersonated: true,
                more: None,
            },
        };
        let text = |field: &str| asked[field].str();
        let (verb, group, namespace, name) = (text("verb"), text("group"), text("namespace"), text("name"));
        let found = if asked["path"].is_null() {
            let resource = match text("subresource") {
                none if none.is_empty() => text("resource"),
                part => format!("{}/{part}", text("resource")).into(),
            };
            let wish =
                Wish { verb: &verb, group: &group, resource: &resource, namespace: &namespace, name: &name };
            allowed_by(&user, &wish, self.store)
        } else {
            path_allowed_by(&user, &verb, &text("path"), self.store)
        };
        let allowed = found.is_ok();
        let (Ok(reason) | Err(reason)) = found;
        (allowed, reason)
    }
}
