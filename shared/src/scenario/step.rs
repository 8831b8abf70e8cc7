//! Steps: what people do to a cluster, and when. Scenario files, links and the log of a live session hold the same.

use serde::{Deserialize, Serialize};

use crate::cluster::{HttpRequest, TrafficSource};
use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::doc::Str;
use crate::sim::{Duration, Fault, Target, Time};

/// What somebody does at a moment of virtual time.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "RawStep", into = "RawStep")]
pub struct Step {
    /// When it takes effect.
    pub at: Time,
    /// Who does it; empty for the cluster's admin.
    pub user: Str,
    /// What.
    pub action: StepAction,
}

/// What a step does.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum StepAction {
    /// `kubectl apply -f -` of this text.
    Apply(Str),
    /// A kubectl command, without the leading `kubectl`.
    Kubectl(Str),
    /// Breaks something.
    Fault(FaultStep),
    /// Mends everything that is broken about a target.
    Repair(RepairStep),
    /// A request that a client sent to the API server.
    Request(RequestStep),
    /// Starts, changes or stops a source of traffic.
    Traffic(TrafficSource),
    /// Sets all clocks forward to a date, as RFC 3339 in UTC.
    Clock(Str),
}

/// A fault and what it strikes: `{target: node/node-2, kind: PowerOff}`.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "RawFault", into = "RawFault")]
pub struct FaultStep {
    /// What is struck.
    pub target: Target,
    /// How.
    pub fault: Fault,
}

/// What to mend: `{target: node/node-2}`.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RepairStep {
    /// What is mended.
    pub target: Target,
}

/// A request as a client sent it.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestStep {
    /// Who sent it; empty for the step's user.
    #[serde(default, skip_serializing_if = "Str::is_empty")]
    pub user: Str,
    /// The method, in capitals.
    pub method: Str,
    /// Path and query.
    pub path: Str,
    /// Media type of the body; empty counts as JSON.
    #[serde(default, skip_serializing_if = "Str::is_empty")]
    pub content_type: Str,
    /// Media types the client takes; empty for any.
    #[serde(default, skip_serializing_if = "Str::is_empty")]
    pub accept: Str,
    /// For whom the client speaks; empty for itself.
    #[serde(default, skip_serializing_if = "Str::is_empty")]
    pub impersonate: Str,
    /// The groups that they are in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub impersonate_groups: Vec<Str>,
    /// Their UID.
    #[serde(default, skip_serializing_if = "Str::is_empty")]
    pub impersonate_uid: Str,
    /// What else is known of them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub impersonate_extra: BTreeMap<Str, Vec<Str>>,
    /// With whose token the client came.
    #[serde(default, skip_serializing_if = "Str::is_empty")]
    pub authorization: Str,
    /// The body.
    #[serde(default, skip_serializing_if = "Str::is_empty")]
    pub body: Str,
}

impl RequestStep {
    /// The request for the API server.
    pub fn http(&self) -> HttpRequest {
        HttpRequest {
            method: self.method.clone(),
            path: self.path.clone(),
            content_type: self.content_type.clone(),
            accept: self.accept.clone(),
            impersonate: self.impersonate.clone(),
            impersonate_groups: self.impersonate_groups.clone(),
            impersonate_uid: self.impersonate_uid.clone(),
            impersonate_extra: self.impersonate_extra.clone(),
            authorization: self.authorization.clone(),
            body: self.body.clone(),
        }
    }
}

impl From<HttpRequest> for RequestStep {
    fn from(http: HttpRequest) -> RequestStep {
        RequestStep {
            user: Str::new(),
            method: http.method,
            path: http.path,
            content_type: http.content_type,
            accept: http.accept,
            impersonate: http.impersonate,
            impersonate_groups: http.impersonate_groups,
            impersonate_uid: http.impersonate_uid,
            impersonate_extra: http.impersonate_extra,
            authorization: http.authorization,
            body: http.body,
        }
    }
}

impl StepAction {
    /// Who this action itself names, if it does.
    pub fn user(&self) -> Option<&Str> {
        match self {
            StepAction::Request(request) if !request.user.is_empty() => Some(&request.user),
            _ => None,
        }
    }

    /// One line that a person reads: `kubectl apply -f -`, `PowerOff node/node-2`.
    pub fn command_line(&self) -> String {
        match self {
            StepAction::Apply(_) => "kubectl apply -f -".into(),
            StepAction::Kubectl(command) => format!("kubectl {command}"),
            StepAction::Fault(step) => {
                format!("fault {} {}", step.target, RawFault::from(step.clone()).words())
            }
            StepAction::Repair(step) => format!("repair {}", step.target),
            StepAction::Request(request) => format!("{} {}", request.method, request.path),
            StepAction::Clock(date) => format!("clock {date}"),
            StepAction::Traffic(source) => format!("traffic {} {}/s {}", source.name, source.rate, source.to),
        }
    }
}

/// A step as the file has it: exactly one of the actions is there.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawStep {
    at: Duration,
    #[serde(default, skip_serializing_if = "Str::is_empty")]
    user: Str,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    apply: Option<Str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kubectl: Option<Str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fault: Option<FaultStep>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    repair: Option<RepairStep>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request: Option<RequestStep>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    traffic: Option<TrafficSource>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    clock: Option<Str>,
}

impl TryFrom<RawStep> for Step {
    type Error = &'static str;

    fn try_from(raw: RawStep) -> Result<Step, &'static str> {
        let mut actions = [
            raw.apply.map(StepAction::Apply),
            raw.kubectl.map(StepAction::Kubectl),
            raw.fault.map(StepAction::Fault),
            raw.repair.map(StepAction::Repair),
            raw.request.map(StepAction::Request),
            raw.traffic.map(StepAction::Traffic),
            raw.clock.map(StepAction::Clock),
        ]
        .into_iter()
        .flatten();
        match (actions.next(), actions.next()) {
            (Some(action), None) => Ok(Step { at: Time(raw.at.0), user: raw.user, action }),
            _ => Err(
                "a step does one thing: give it one of apply, kubectl, fault, repair, request, traffic or clock",
            ),
        }
    }
}

impl From<Step> for RawStep {
    fn from(step: Step) -> RawStep {
        let mut raw = RawStep {
            at: Duration(step.at.0),
            user: step.user,
            apply: None,
            kubectl: None,
            fault: None,
            repair: None,
            request: None,
            traffic: None,
            clock: None,
        };
        match step.action {
            StepAction::Apply(text) => raw.apply = Some(text),
            StepAction::Kubectl(command) => raw.kubectl = Some(command),
            StepAction::Fault(fault) => raw.fault = Some(fault),
            StepAction::Repair(repair) => raw.repair = Some(repair),
            StepAction::Request(request) => raw.request = Some(request),
            StepAction::Traffic(source) => raw.traffic = Some(source),
            StepAction::Clock(date) => raw.clock = Some(date),
        }
        raw
    }
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawFault {
    target: Target,
    kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<Duration>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Kind {
    PowerOff,
    Partition,
    Stop,
    Crash,
    FillMemory,
    FillDisk,
    FailProbes,
    BurnCpu,
    Missing,
    Surge,
    Drop,
    Delay,
}

impl RawFault {
    fn words(&self) -> String {
        match self.by {
            Some(by) => format!("{:?} by {by}", self.kind),
            None => format!("{:?}", self.kind),
        }
    }
}

impl TryFrom<RawFault> for FaultStep {
    type Error = &'static str;

    fn try_from(raw: RawFault) -> Result<FaultStep, &'static str> {
        let fault = match (raw.kind, raw.by) {
            (Kind::PowerOff, None) => Fault::PowerOff,
            (Kind::Partition, None) => Fault::Partition,
            (Kind::Stop, None) => Fault::Stop,
            (Kind::Crash, None) => Fault::Crash,
            (Kind::FillMemory, None) => Fault::FillMemory,
            (Kind::FillDisk, None) => Fault::FillDisk,
            (Kind::FailProbes, None) => Fault::FailProbes,
            (Kind::BurnCpu, None) => Fault::BurnCpu,
            (Kind::Missing, None) => Fault::Missing,
            (Kind::Surge, None) => Fault::Surge,
            (Kind::Drop, None) => Fault::Drop,
            (Kind::Delay, Some(by)) => Fault::Delay { by },
            (Kind::Delay, None) => {
                return Err("a Delay needs `by`, how much longer each way takes: by: 200ms");
            }
            (_, Some(_)) => return Err("`by` belongs to a Delay only"),
        };
        Ok(FaultStep { target: raw.target, fault })
    }
}

impl From<FaultStep> for RawFault {
    fn from(step: FaultStep) -> RawFault {
        let (kind, by) = match step.fault {
            Fault::PowerOff => (Kind::PowerOff, None),
            Fault::Partition => (Kind::Partition, None),
            Fault::Stop => (Kind::Stop, None),
            Fault::Crash => (Kind::Crash, None),
            Fault::FillMemory => (Kind::FillMemory, None),
            Fault::FillDisk => (Kind::FillDisk, None),
            Fault::FailProbes => (Kind::FailProbes, None),
            Fault::BurnCpu => (Kind::BurnCpu, None),
            Fault::Missing => (Kind::Missing, None),
            Fault::Surge => (Kind::Surge, None),
            Fault::Drop => (Kind::Drop, None),
            Fault::Delay { by } => (Kind::Delay, Some(by)),
        };
        RawFault { target: step.target, kind, by }
    }
}
