//! ValidatingAdmissionPolicy and MutatingAdmissionPolicy: expressions of people's own that say what may be written, and
//! what becomes of it.

use crate::api::cel::{Budget, Names, failed};
use crate::api::plain::{MUTATION_NAMES, POLICY_NAMES};
use crate::api::{CauseDetail, Key, Kind, LabelSelector, Object, Reason, Status};
use crate::doc::{Doc, Str, json_patch, strategic_merge};
use crate::etcd::Store;

use super::matching::{Look, OUT_OF_BUDGET};

/// Whether any policy or webhook may have a say in a write of these kinds of binding.
pub(super) fn is_bound(store: &Store, bindings: Kind) -> bool {
    store.has_any(bindings)
}

/// Refuses what a policy that is bound here does not let through; what is only to be warned of comes back.
pub(super) fn check(look: &Look<'_>) -> Result<Vec<Str>, Status> {
    let mut warnings = Vec::new();
    if look.is_exempt() {
        return Ok(warnings);
    }
    for binding in look.store.list(Kind::ValidatingAdmissionPolicyBinding) {
        let actions = binding.body["spec"]["validationActions"].items();
        let does = |wanted: &str| actions.iter().any(|action| action.as_str() == Some(wanted));
        let Some(policy) = look.policy(Kind::ValidatingAdmissionPolicy, binding) else { continue };
        let Some((reason, why)) = look.refusal(policy, binding) else { continue };
        if does("Deny") {
            return Err(look.denied(policy, binding, reason, &why));
        }
        if does("Warn") {
            let (policy, binding) = (&policy.key.name, &binding.key.name);
            let warning = format!(
                "Validation failed for ValidatingAdmissionPolicy '{policy}' with binding '{binding}': {why}"
            );
            warnings.push(warning.into());
        }
    }
    Ok(warnings)
}

/// What became of an object.
#[derive(Default)]
pub(super) struct Mutated {
    /// What it is now, if anything changed it.
    pub doc: Option<Doc>,
    /// The bindings of policies that may be asked once more, and how many of them had their turn before the last change.
    asked: Vec<Key>,
    stale: usize,
}

impl Mutated {
    /// The bindings to ask again, given whether somebody else changed the object since.
    fn again(&self, changed: bool) -> &[Key] {
        if changed { &self.asked } else { &self.asked[..self.stale] }
    }
}

/// What the policies that are bound here make of an object: all of them, or those that are asked a second time because
/// the object changed after their turn (`reinvocationPolicy: IfNeeded`).
pub(super) fn mutated(look: &Look<'_>, before: Option<(&Mutated, bool)>) -> Result<Mutated, Status> {
    let mut made = Mutated::default();
    if look.is_exempt() {
        return Ok(made);
    }
    for binding in look.store.list(Kind::MutatingAdmissionPolicyBinding) {
        if before.is_some_and(|(before, changed)| !before.again(changed).contains(&binding.key)) {
            continue;
        }
        let doc = made.doc.clone().unwrap_or_else(|| look.doc.clone());
        let look = Look { doc: &doc, ..*look };
        let Some(policy) = look.policy(Kind::MutatingAdmissionPolicy, binding) else { continue };
        match look.mutation(policy, binding) {
            Ok(Some(new)) if new != doc => (made.doc, made.stale) = (Some(new), made.asked.len()),
            Ok(_) => {}
            Err(_) if policy.body["spec"]["failurePolicy"].as_str() == Some("Ignore") => {}
            Err(why) => {
                let why = format!(
                    "policy '{}' with binding '{}' denied request: {why}",
                    policy.key.name, binding.key.name
                );
                return Err(Status::forbidden(look.key, &why));
            }
        }
        if policy.body["spec"]["reinvocationPolicy"].as_str() == Some("IfNeeded") {
            made.asked.push(binding.key.clone());
        }
    }
    Ok(made)
}

impl Look<'_> {
    /// The policy of a binding, if both mean this write.
    fn policy(&self, kind: Kind, binding: &Object) -> Option<&Object> {
        let name = binding.body["spec"]["policyName"].str();
        let policy = self.store.get(&Key::new(kind, Str::new(), name))?;
        let meant = self.is_meant(&policy.body["spec"]["matchConstraints"], "resourceRules")
            && self.is_meant(&binding.body["spec"]["matchResources"], "resourceRules");
        meant.then_some(&**policy)
    }

    fn mutation(&self, policy: &Object, binding: &Object) -> Result<Option<Doc>, String> {
        let spec = &policy.body["spec"];
        let mut changed: Option<Doc> = None;
        for params in self.params(policy, binding)? {
            let mut budget = Budget::default();
            for mutation in spec["mutations"].items() {
                let doc = changed.clone().unwrap_or_else(|| self.doc.clone());
                let look = Look { doc: &doc, ..*self };
                let mut names = look.names(params.clone());
                look.add_variables(spec, &mut names, &mut budget);
                if !look.conditions(spec, &names)? {
                    continue;
                }
                let mut value = |field: &str| {
                    look.evaluated(&mutation[field]["expression"], &MUTATION_NAMES, &names, &mut budget)
                };
                let patched = match mutation["patchType"].as_str() {
                    Some("JSONPatch") => json_patch(&doc, &value("jsonPatch")?),
                    _ => strategic_merge(&doc, &value("applyConfiguration")?),
                };
                changed = Some(patched.map_err(|fault| format!("{fault:?}"))?);
            }
        }
        Ok(changed)
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
            let (mut names, mut budget) = (self.names(params), Budget::default());
            self.add_variables(spec, &mut names, &mut budget);
            match self.conditions(spec, &names) {
                Ok(true) => {}
                Ok(false) => continue,
                Err(why) => match failed(why) {
                    Some(refusal) => return Some(refusal),
                    None => continue,
                },
            }
            for validation in spec["validations"].items() {
                match self.evaluated(&validation["expression"], &POLICY_NAMES, &names, &mut budget) {
                    Ok(Doc::Bool(true)) => {}
                    Ok(_) => {
                        let message = self.message(validation, &names, &mut budget);
                        return Some((validation["reason"].str(), message));
                    }
                    Err(why) if fails => return Some((validation["reason"].str(), why)),
                    Err(_) => {}
                }
            }
        }
        None
    }

    fn add_variables(&self, spec: &Doc, names: &mut Names<'_>, budget: &mut Budget) {
        for variable in spec["variables"].items() {
            let (name, expression) = (variable["name"].str(), variable["expression"].str());
            let value = self.value(&expression, &POLICY_NAMES, names, budget).unwrap_or_else(|why| {
                failed(&format!("composited variable {:?} fails to evaluate: {why}", name.as_str()))
            });
            if let Some(variables) = names.get_mut("variables") {
                variables.set(name, value);
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

    fn message(&self, validation: &Doc, names: &Names<'_>, budget: &mut Budget) -> String {
        let own = &validation["messageExpression"];
        let said = match own.is_null() {
            true => None,
            false => match self.evaluated(own, &POLICY_NAMES, names, budget) {
                Err(why) if why == OUT_OF_BUDGET => return format!("failed messageExpression: {why}"),
                said => said.ok(),
            },
        };
        let said = said.as_ref().and_then(Doc::as_str).map(str::trim);
        match (said.filter(|said| !said.is_empty() && !said.contains('\n')), validation["message"].str()) {
            (Some(said), _) => said.to_owned(),
            (None, text) if !text.trim().is_empty() => text.trim().to_owned(),
            _ => format!("failed expression: {}", validation["expression"].str().trim()),
        }
    }
}
