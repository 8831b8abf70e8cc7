//! The scenario file: the one format of share links, lessons, challenges, test cases and bug reports.
//!
//! A scenario is read strictly: what is unknown or makes no sense is refused with its line, column and field. It is
//! written back without anything that has its default value, always in the same order.

mod expect;
mod sparse;
mod step;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::cluster::{ClusterSpec, ControlPlane, ImageSpec, NodeGroup, TrafficSource};
use crate::collections::BTreeMap;
use crate::doc::{Doc, Path, Segment, Str, Timestamp, from_doc, parse_json, to_doc};
use crate::manifest::{self, Document};
use crate::sim::{Duration, Options};

pub use expect::{Expectation, Progress, Verdict};
pub use step::{FaultStep, RepairStep, RequestStep, Step, StepAction};

/// The format's version.
pub const API_VERSION: &str = "kubarium.dev/v1alpha1";

/// The annotation under which a scenario says which engine wrote it.
const ENGINE_ANNOTATION: &str = "kubarium.dev/engine";

/// The file that the page opens with, `public/examples/opening.yaml`, as JSON.
const OPENING: &str = include_str!(concat!(env!("OUT_DIR"), "/opening.json"));

/// The most steps that a scenario may have.
const MAX_STEPS: usize = 100_000;

/// A cluster, what is done to it and when, and what is expected of it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scenario {
    api_version: Str,
    kind: Str,
    /// Name and annotations.
    #[serde(default)]
    pub metadata: Metadata,
    /// Everything else.
    #[serde(default)]
    pub spec: Spec,
}

/// What the scenario is called.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    /// Its name.
    #[serde(default, skip_serializing_if = "Str::is_empty")]
    pub name: Str,
    /// Anything.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<Str, Str>,
    /// Anything.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<Str, Str>,
}

/// What a scenario says.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Spec {
    /// What all chance is drawn from.
    pub seed: u64,
    /// The date of t = 0, as RFC 3339 in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Str>,
    /// What the cluster is made of.
    pub cluster: Shape,
    /// What containers of an image do, beside the built-in catalogue.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", serialize_with = "sparse::values")]
    pub images: BTreeMap<Str, ImageSpec>,
    /// Component configuration and modelled latencies.
    #[serde(skip_serializing_if = "sparse::is_default", serialize_with = "sparse::fields")]
    pub options: Options,
    /// Sources of traffic that are there from the beginning.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub traffic: Vec<TrafficSource>,
    /// The moment that a viewer first sees.
    #[serde(skip_serializing_if = "sparse::is_default")]
    pub opening: Duration,
    /// What is done, and when.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// When a run without a screen ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Duration>,
    /// What is expected.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expect: Vec<Expectation>,
    /// Title, steps, hints and spotlights for a learner; the engine does not read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guide: Option<Doc>,
}

/// What the cluster is made of.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Shape {
    /// The control plane.
    #[serde(skip_serializing_if = "sparse::is_default", serialize_with = "sparse::fields")]
    pub control_plane: ControlPlane,
    /// The worker nodes.
    pub nodes: Vec<NodeGroup>,
    /// What runs besides. `coredns` and `kube-proxy` always do for now, named or not; `metrics-server` and
    /// `ingress-nginx` only where they are named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addons: Option<Vec<Addon>>,
}

impl Default for Shape {
    fn default() -> Shape {
        let nodes = vec![NodeGroup { zone: "a".into(), ..NodeGroup::of(3) }];
        Shape { control_plane: ControlPlane::default(), nodes, addons: None }
    }
}

/// A part of the cluster that one could leave out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names are the programs' own")]
pub enum Addon {
    Coredns,
    KubeProxy,
    MetricsServer,
    IngressNginx,
}

/// Why a scenario cannot be read or played.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScenarioError {
    /// Line, from 1; 0 where there is no text.
    pub line: u32,
    /// Column in characters, from 1; 0 where there is no text.
    pub column: u32,
    /// The path of the field; empty for the whole.
    pub field: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}, column {}: ", self.line, self.column)?;
        }
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for ScenarioError {}

impl From<manifest::Diagnostic> for ScenarioError {
    fn from(fault: manifest::Diagnostic) -> ScenarioError {
        ScenarioError { line: fault.line, column: fault.column, field: String::new(), message: fault.message }
    }
}

impl Default for Scenario {
    fn default() -> Scenario {
        Scenario {
            api_version: API_VERSION.into(),
            kind: "Scenario".into(),
            metadata: Metadata::default(),
            spec: Spec::default(),
        }
    }
}

impl Scenario {
    /// The cluster that the page opens with.
    pub fn opening() -> Scenario {
        let doc = parse_json(OPENING).expect("the build writes JSON");
        Scenario::from_doc(&doc).expect("the built-in scenario is right: a test reads it")
    }

    /// Reads YAML (or JSON).
    ///
    /// # Errors
    /// What is wrong, in which field, and where in the text.
    pub fn parse(text: &str) -> Result<Scenario, ScenarioError> {
        let mut documents = manifest::parse(text)?.into_iter().filter(|document| !document.doc.is_null());
        let nothing = || ScenarioError {
            line: 1,
            column: 1,
            field: String::new(),
            message: format!(
                "there is nothing here: expected a document with apiVersion: {API_VERSION}, kind: Scenario"
            ),
        };
        let document = documents.next().ok_or_else(nothing)?;
        if let Some(second) = documents.next() {
            let at = second.spans.root().start;
            let message = "a scenario is one document: what to apply goes into spec.steps".to_owned();
            return Err(ScenarioError { line: at.line, column: at.column, field: String::new(), message });
        }
        Scenario::from_document(&document)
    }

    fn from_document(document: &Document) -> Result<Scenario, ScenarioError> {
        let place = |mut error: ScenarioError| {
            let at = document.spans.field(&error.field).start;
            (error.line, error.column) = (at.line, at.column);
            error
        };
        check_type(&document.doc).map_err(place)?;
        Scenario::from_doc(&document.doc).map_err(|error| {
            // An unknown field is shown where its name stands, not where its value does.
            let path = path_of(&error.field);
            let unknown = error.message.starts_with("unknown field");
            let at =
                if unknown { document.spans.key(&path).start } else { document.spans.value(&path).start };
            ScenarioError { line: at.line, column: at.column, ..error }
        })
    }

    /// Reads a document.
    ///
    /// # Errors
    /// What is wrong, and in which field.
    pub fn from_doc(doc: &Doc) -> Result<Scenario, ScenarioError> {
        check_type(doc)?;
        let scenario: Scenario = from_doc(doc).map_err(|error| refuse(&error.field, error.message))?;
        scenario.check()?;
        Ok(scenario)
    }

    /// Whether somebody came with a token for a step: it is good for this cluster alone, and for copies with its key.
    pub fn shows_tokens(&self) -> bool {
        let shows = |action: &StepAction| match action {
            StepAction::Request(request) => !request.authorization.is_empty(),
            _ => false,
        };
        self.spec.steps.iter().any(|step| shows(&step.action))
    }

    /// What serde does not see.
    fn check(&self) -> Result<(), ScenarioError> {
        self.cluster_spec()?;
        if self.spec.steps.len() > MAX_STEPS {
            return Err(refuse("spec.steps", format!("a scenario has at most {MAX_STEPS} steps")));
        }
        for (at, source) in self.spec.traffic.iter().enumerate() {
            let fault = source.check();
            fault.map_err(|(field, message)| refuse(&format!("spec.traffic[{at}]{field}"), message))?;
            if self.spec.traffic[..at].iter().any(|other| other.name == source.name) {
                let message = format!("there is already a source of traffic called {:?}", source.name);
                return Err(refuse(&format!("spec.traffic[{at}].name"), message));
            }
        }
        for (at, step) in self.spec.steps.iter().enumerate() {
            if let StepAction::Clock(date) = &step.action
                && Timestamp::parse(date).is_none()
            {
                let message = format!("{date:?} is no date such as 2026-01-01T00:00:00Z");
                return Err(refuse(&format!("spec.steps[{at}].clock"), message));
            }
            if let StepAction::Traffic(source) = &step.action {
                let fault = source.check();
                fault.map_err(|(field, message)| {
                    refuse(&format!("spec.steps[{at}].traffic{field}"), message)
                })?;
            }
        }
        for (at, expectation) in self.spec.expect.iter().enumerate() {
            let fault = expectation.check();
            fault.map_err(|(field, message)| refuse(&format!("spec.expect[{at}]{field}"), message))?;
            if self.spec.expect[..at].iter().any(|other| other.id == expectation.id) {
                let message = format!("there is already an expectation called {:?}", expectation.id);
                return Err(refuse(&format!("spec.expect[{at}].id"), message));
            }
        }
        Ok(())
    }

    /// What the cluster begins with.
    ///
    /// # Errors
    /// What makes no sense, or is not simulated, and in which field.
    pub fn cluster_spec(&self) -> Result<ClusterSpec, ScenarioError> {
        let mut spec = ClusterSpec {
            storage: self.spec.cluster.addons.as_ref().is_none_or(|addons| !addons.is_empty()),
            control_plane: self.spec.cluster.control_plane.clone(),
            nodes: self.spec.cluster.nodes.clone(),
            metrics_server: self.spec.cluster.addons.iter().flatten().any(|it| *it == Addon::MetricsServer),
            images: self.spec.images.clone(),
            options: self.spec.options.clone(),
            ingress: self.spec.cluster.addons.iter().flatten().any(|addon| *addon == Addon::IngressNginx),
            traffic: self.spec.traffic.clone(),
            ..ClusterSpec::default()
        };
        if let Some(epoch) = &self.spec.epoch {
            let date = Timestamp::parse(epoch);
            spec.epoch = date.ok_or_else(|| {
                refuse("spec.epoch", format!("{epoch:?} is no date such as 2026-01-01T00:00:00Z"))
            })?;
        }
        spec.machines().map_err(|error| refuse(&error.field, error.message))?;
        Ok(spec)
    }

    /// The version of the engine that wrote it, if it says.
    pub fn engine(&self) -> Option<&Str> {
        self.metadata.annotations.get(ENGINE_ANNOTATION)
    }

    /// Notes that this engine wrote it.
    pub fn stamp(&mut self) {
        self.metadata.annotations.insert(ENGINE_ANNOTATION.into(), crate::ENGINE_VERSION.into());
    }

    /// As a document.
    pub fn to_doc(&self) -> Doc {
        to_doc(self)
    }

    /// As a file, keys in order.
    pub fn to_yaml(&self) -> String {
        manifest::to_yaml(&self.to_doc())
    }
}

fn check_type(doc: &Doc) -> Result<(), ScenarioError> {
    if !matches!(doc, Doc::Map(_)) {
        return Err(refuse("", format!("expected a Scenario, found {}", doc.type_name())));
    }
    for (field, wanted) in [("apiVersion", API_VERSION), ("kind", "Scenario")] {
        let found = &doc[field];
        if found.as_str() != Some(wanted) {
            let found = if found.is_null() { "nothing".to_owned() } else { found.to_json() };
            return Err(refuse(
                if doc[field].is_null() { "" } else { field },
                format!("expected {field}: {wanted}, found {found}"),
            ));
        }
    }
    Ok(())
}

fn refuse(field: &str, message: impl Into<String>) -> ScenarioError {
    ScenarioError { line: 0, column: 0, field: field.into(), message: message.into() }
}

/// The path that `spec.steps[0].at` names.
fn path_of(field: &str) -> Path {
    let mut segments = Vec::new();
    for part in field.split('.').filter(|part| !part.is_empty()) {
        let (key, indexes) = part.split_once('[').unwrap_or((part, ""));
        if !key.is_empty() {
            segments.push(Segment::Key(key.into()));
        }
        let indexes = indexes.split('[').filter_map(|index| index.trim_end_matches(']').parse().ok());
        segments.extend(indexes.map(Segment::Index));
    }
    Path(segments)
}
