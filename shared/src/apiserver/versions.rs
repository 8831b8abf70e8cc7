//! Kinds that are served in two versions and kept in one.

use crate::api::autoscaling::horizontalpodautoscaler::v1 as hpa_v1;
use crate::api::core::event::events_v1;
use crate::api::{Kind, PatchKind};
use crate::doc;
use crate::doc::{Doc, Path, Segment, Str};

/// A version in which a kind is served beside the one that it is kept in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Twin {
    AutoscalingV1,
    EventsV1,
}

/// The steps to a field.
type Steps = Vec<&'static str>;

impl Twin {
    /// The one that is asked for at a path.
    pub fn at(path: &str) -> Option<Twin> {
        let (group, rest) = path.strip_prefix("/apis/")?.split_once('/')?;
        let version = rest.split('/').next()?;
        [Twin::AutoscalingV1, Twin::EventsV1]
            .into_iter()
            .find(|twin| twin.api_version().split_once('/') == Some((group, version)))
    }

    /// The one that an entry of `managedFields` names.
    pub fn named(api_version: &str) -> Option<Twin> {
        [Twin::AutoscalingV1, Twin::EventsV1].into_iter().find(|twin| twin.api_version() == api_version)
    }

    /// The one by which what was sent came, as [`Twin::mark`] left it.
    pub fn of(kind: Kind, body: &Doc) -> Option<Twin> {
        let said = match body {
            Doc::List(operations) => operations.last().map(|last| &last["value"]),
            body => Some(&body["apiVersion"]),
        };
        Twin::named(said?.as_str()?).filter(|twin| twin.kind() == kind)
    }

    fn kind(self) -> Kind {
        match self {
            Twin::AutoscalingV1 => Kind::HorizontalPodAutoscaler,
            Twin::EventsV1 => Kind::Event,
        }
    }

    /// What objects of it say.
    pub fn api_version(self) -> &'static str {
        match self {
            Twin::AutoscalingV1 => hpa_v1::API_VERSION,
            Twin::EventsV1 => events_v1::API_VERSION,
        }
    }

    /// The group and version under which its objects are kept.
    pub fn kept(self) -> (&'static str, &'static str) {
        let info = self.kind().info();
        (info.group, info.version)
    }

    /// Lets what was sent say by which version it came, where nothing else does: in the operations of a patch, too.
    pub fn mark(self, by: Option<PatchKind>, body: &mut Doc) {
        match body {
            Doc::List(operations) if by == Some(PatchKind::Json) => {
                let mark = doc!({ "op": "add", "path": "/apiVersion", "value": self.api_version() });
                *body = Doc::list(operations.iter().cloned().chain([mark]));
            }
            Doc::Map(_) => body.set("apiVersion", self.api_version()),
            _ => {}
        }
    }

    /// Makes what a client sent into what is stored. Fields that only the other version has are taken out: they come back.
    pub fn to_stored(self, body: &mut Doc) -> Vec<Path> {
        if !matches!(body, Doc::Map(_)) {
            return Vec::new();
        }
        let unknown = match self {
            Twin::AutoscalingV1 => hpa_v1::unknown(body),
            Twin::EventsV1 => events_v1::unknown(body),
        };
        for path in &unknown {
            let key = |step: &'_ Segment| match step {
                Segment::Key(key) => key.clone(),
                Segment::Index(_) => Str::new(),
            };
            let steps: Vec<Str> = path.0.iter().map(key).collect();
            let steps: Vec<&str> = steps.iter().map(Str::as_str).collect();
            if let Some((field, above)) = steps.split_last() {
                body.at_mut(above).remove(field);
            }
        }
        match self {
            Twin::AutoscalingV1 => hpa_v1::to_stored(body),
            Twin::EventsV1 => events_v1::to_stored(body),
        }
        unknown
    }

    /// Makes an answer into what this version shows.
    pub fn shown(self, body: &mut Doc) {
        match self {
            Twin::AutoscalingV1 => hpa_v1::shown(body),
            Twin::EventsV1 => events_v1::shown(body),
        }
    }

    /// Where fields stand in this version, and where as they are kept.
    pub fn places(self) -> Vec<(Steps, Steps)> {
        match self {
            Twin::EventsV1 => events_v1::NAMES.map(|(here, kept)| (vec![here], vec![kept])).to_vec(),
            Twin::AutoscalingV1 => {
                let targets = hpa_v1::TARGETS.map(|(here, kept)| (here.to_vec(), kept.to_vec()));
                let texts = hpa_v1::ANNOTATIONS
                    .map(|(here, kept)| (vec!["metadata", "annotations", here], kept.to_vec()));
                targets.into_iter().chain(texts).collect()
            }
        }
    }

    /// What the field that a client selects by is called where it is kept.
    pub fn kept_field(self, field: &Str) -> Str {
        match self {
            Twin::AutoscalingV1 => field.clone(),
            Twin::EventsV1 => events_v1::kept_field(field),
        }
    }
}
