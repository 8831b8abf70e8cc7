//! ValidatingAdmissionPolicy: expressions of people's own that say what may be written.

use std::sync::Arc;

use crate::api::cel::{Names, Program};
use crate::api::plain::POLICY_NAMES;
use crate::api::{CauseDetail, Key, Kind, LabelSelector, Object, Reason, Request, Status};
use crate::doc;
use crate::doc::{Doc, Str};
use crate::etcd::Store;

/// Refuses what a policy that is bound here does not let through; `doc` is the whole object as it would be stored.
pub fn check(
    request: &Request,
    store: &Store,
    key: &Key,
    doc: &Doc,
    old: Option<&Doc>,
) -> Result<(), Status> {
    let mut bindings = store.list(Kind::ValidatingAdmissionPolicyBinding).peekable();
    // Policies do not watch over themselves.
    if bindings.peek().is_none() || key.kind.info().group == "admissionregistration.k8s.io" {
        return Ok(());
    }
    let look = Look { request, store, key, doc, old };
    for binding in bindings {
        let denies = binding.body["spec"]["validationActions"].items().iter();
        if !denies.clone().any(|action| action.as_str() == Some("Deny")) {
            continue;
        }
        let name = binding.body["spec"]["policyName"].str();
        let policy = store.get(&Key::new(Kind::ValidatingAdmissionPolicy, Str::new(), name));
        if let Some(policy) = policy
            && look.is_meant(&policy.body["spec"]["matchConstraints"])
            && look.is_meant(&binding.body["spec"]["matchResources"])
            && let Some((reason, why)) = look.refusal(policy, binding)
        {
            return Err(look.denied(policy, binding, reason, &why));
        }
    }
    Ok(())
}

struct Look<'a> {
    request: &'a Request,
    store: &'a Store,
    key: &'a Key,
    doc: &'a Doc,
    old: Option<&'a Doc>,
}

impl Look<'_> {
    fn operation(&self) -> &'static str {
        if self.old.is_some() { "UPDATE" } else { "CREATE" }
    }

    /// Whether rules and selectors mean this write; none at all mean every one.
    fn is_meant(&self, constraints: &Doc) -> bool {
        if constraints.is_null() {
            return true;
        }
        let any = |rules: &str| constraints[rules].items().iter().any(|rule| self.rule_matches(rule));
        let selects = |field: &str, labels: &Doc| {
            constraints[field].is_empty() || LabelSelector::from_doc(&constraints[field]).matches(labels)
        };
        let labels = &self.doc["metadata"]["labels"];
        let old = self.old.map(|old| &old["metadata"]["labels"]);
        let objects =
            selects("objectSelector", labels) || old.is_some_and(|old| selects("objectSelector", old));
        let namespaces = self.namespace_labels().is_none_or(|labels| selects("namespaceSelector", &labels));
        let rules = constraints["resourceRules"].is_empty() || any("resourceRules");
        rules && !any("excludeResourceRules") && objects && namespaces
    }

    fn rule_matches(&self, rule: &Doc) -> bool {
        let info = self.key.kind.info();
        let has = |field: &str, wanted: &str| {
            rule[field]
                .items()
                .iter()
                .any(|one| matches!(one.as_str(), Some(text) if text == "*" || text == wanted))
        };
        let resources = has("resources", info.plural)
            || rule["resources"].items().iter().any(|one| {
                one.as_str()
                    .and_then(|text| text.strip_suffix("/*"))
                    .is_some_and(|of| of == "*" || of == info.plural)
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
            Kind::Namespace => Some(self.doc["metadata"]["labels"].clone()),
            kind if kind.info().namespaced => self.namespace().map(|namespace| namespace.meta.labels.clone()),
            _ => None,
        }
    }

    /// What the expressions may speak of.
    fn names(&self, params: Doc) -> Names<'static> {
        let info = self.key.kind.info();
        let user = &self.request.user;
        let request = doc!({
            "operation": self.operation(), "name": &self.key.name, "namespace": &self.key.namespace,
            "kind": { "group": info.group, "version": info.version, "kind": info.kind },
            "resource": { "group": info.group, "version": info.version, "resource": info.plural },
            "subResource": "", "dryRun": self.request.options.dry_run,
            "userInfo": { "username": &user.name, "groups": Doc::list(user.groups.iter()) }
        });
        let namespace = match self.key.kind.info().namespaced {
            true => self.namespace().map_or(Doc::Null, |namespace| namespace.to_doc()),
            false => Doc::Null,
        };
        let old = self.old.cloned().unwrap_or_default();
        let values = [self.doc.clone(), old, request, params, namespace, Doc::map()];
        POLICY_NAMES.into_iter().zip(values).collect()
    }

    /// What the policy is told beside the object: one object, or all that are meant. A failure where it must be there
    /// and is not.
    fn params(&self, policy: &Object, binding: &Object) -> Result<Vec<Doc>, String> {
        let (kind, of) = (&policy.body["spec"]["paramKind"], &binding.body["spec"]["paramRef"]);
        if kind.is_null() || of.is_null() {
            return Ok(vec![Doc::Null]);
        }
        let (version, name) = (kind["apiVersion"].str(), kind["kind"].str());
        let custom = || {
            let mut served =
                super::super::definitions::served(self.store).into_iter().map(|served| served.kind);
            served.find(|kind| kind.info().kind == name && kind.info().api_version() == version)
        };
        let Some(kind) = Kind::of(&version, &name).or_else(custom) else {
            return Err(format!("failed to find resource referenced by paramKind: '{version}, Kind={name}'"));
        };
        let namespace = match of["namespace"].str() {
            none if none.is_empty() && kind.info().namespaced => self.key.namespace.clone(),
            namespace => namespace,
        };
        let wanted = of["name"].str();
        let selector = LabelSelector::from_doc(&of["selector"]);
        let found = self.store.list(kind).filter(|object| {
            object.key.namespace == namespace
                && if wanted.is_empty() {
                    selector.matches(&object.meta.labels)
                } else {
                    object.key.name == wanted
                }
        });
        let found: Vec<Doc> = found.map(|object| object.to_doc()).collect();
        if found.is_empty() && of["parameterNotFoundAction"].as_str() != Some("Allow") {
            return Err("no params found for policy binding with `Deny` parameterNotFoundAction".into());
        }
        Ok(found)
    }

    /// The first expression that does not hold: its reason, and why.
    fn refusal(&self, policy: &Object, binding: &Object) -> Option<(Str, String)> {
        let spec = &policy.body["spec"];
        let fails = spec["failurePolicy"].as_str() != Some("Ignore");
        let failed = |why: String| fails.then(|| (Str::new(), why));
        let all = match self.params(policy, binding) {
            Ok(all) => all,
            Err(why) => return failed(format!("failed to configure binding: {why}")),
        };
        for params in all {
            let mut names = self.names(params);
            self.add_variables(spec, &mut names);
            match conditions(spec, &names) {
                Ok(true) => {}
                Ok(false) => continue,
                Err(why) => match failed(why) {
                    Some(refusal) => return Some(refusal),
                    None => continue,
                },
            }
            for validation in spec["validations"].items() {
                match evaluated(&validation["expression"], &names) {
                    Ok(Doc::Bool(true)) => {}
                    Ok(_) => return Some((validation["reason"].str(), message(validation, &names))),
                    Err(why) if fails => return Some((validation["reason"].str(), why)),
                    Err(_) => {}
                }
            }
        }
        None
    }

    fn add_variables(&self, spec: &Doc, names: &mut Names<'_>) {
        for variable in spec["variables"].items() {
            if let Ok(value) = evaluated(&variable["expression"], names)
                && let Some(variables) = names.get_mut("variables")
            {
                variables.set(variable["name"].str(), value);
            }
        }
    }

    fn denied(&self, policy: &Object, binding: &Object, reason: Str, why: &str) -> Status {
        let why = format!(
            "ValidatingAdmissionPolicy '{}' with binding '{}' denied request: {why}",
            policy.key.name, binding.key.name
        );
        let reason = match reason.as_str() {
            "Forbidden" => Reason::Forbidden,
            "Unauthorized" => Reason::Unauthorized,
            "RequestEntityTooLarge" => Reason::RequestEntityTooLarge,
            _ => Reason::Invalid,
        };
        let status = Status::forbidden(self.key, &why);
        let cause = CauseDetail { reason: "", message: why.into(), field: Str::new() };
        Status { reason, causes: vec![cause], ..status }
    }
}

/// Whether all of the policy's conditions hold.
fn conditions(spec: &Doc, names: &Names<'_>) -> Result<bool, String> {
    for condition in spec["matchConditions"].items() {
        if evaluated(&condition["expression"], names)?.as_bool() != Some(true) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn evaluated(expression: &Doc, names: &Names<'_>) -> Result<Doc, String> {
    let text = expression.str();
    let program = Program::read(&text, &POLICY_NAMES)?;
    program.evaluate(names).map_err(|why| format!("expression '{}' resulted in error: {why}", text.trim()))
}

fn message(validation: &Doc, names: &Names<'_>) -> String {
    let own = &validation["messageExpression"];
    let said = if own.is_null() { None } else { evaluated(own, names).ok() };
    let said = said.as_ref().and_then(Doc::as_str).map(str::trim);
    match (said.filter(|said| !said.is_empty() && !said.contains('\n')), validation["message"].str()) {
        (Some(said), _) => said.to_owned(),
        (None, text) if !text.trim().is_empty() => text.trim().to_owned(),
        _ => format!("failed expression: {}", validation["expression"].str().trim()),
    }
}
