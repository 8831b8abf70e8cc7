//! CronJob: Jobs on a schedule.

use crate::api::validation::{self, At, Faults};
use crate::api::{Column, Info, Object, Resource, Row, Subresource, View, age};
use crate::doc::{Doc, Str, Timestamp};

use super::super::apps::deployment::template_cells;
use super::job::{default_job_template, validate_spec};
use super::schedule::Schedule;
use super::timezone::Zone;

/// What the simulation reads of a CronJob.
#[derive(Clone, Debug)]
pub struct CronJob {
    /// `spec.schedule`
    pub schedule: Str,
    /// `spec.timeZone`; empty for UTC.
    pub time_zone: Str,
    /// `Allow`, `Forbid` or `Replace`.
    pub concurrency: Str,
    /// It is not to run now.
    pub suspend: bool,
    /// How late a Job may start, in seconds.
    pub starting_deadline_seconds: Option<i64>,
    /// How many Jobs that ended well, and how many that failed, are kept.
    pub histories: [i64; 2],
    /// `spec.jobTemplate`, as written.
    pub template: Doc,
    /// `status.lastScheduleTime`
    pub last_schedule: Option<Timestamp>,
}

const NO_LOCAL: &str = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones";

/// The kind's registration.
#[derive(Debug)]
pub struct CronJobs;

impl Resource for CronJobs {
    fn info(&self) -> &'static Info {
        &Info {
            group: "batch",
            version: "v1",
            kind: "CronJob",
            plural: "cronjobs",
            singular: "cronjob",
            short_names: &["cj"],
            namespaced: true,
            subresources: &[Subresource::Status],
            categories: &["all"],
            has_generation: true,
        }
    }

    fn view(&self, body: &Doc, _: Option<&Object>) -> View {
        let spec = &body["spec"];
        let history = |field: &str, default: i64| spec[field].as_i64().unwrap_or(default);
        View::CronJob(Box::new(CronJob {
            schedule: spec["schedule"].str(),
            time_zone: spec["timeZone"].str(),
            concurrency: spec["concurrencyPolicy"].str(),
            suspend: spec["suspend"].as_bool() == Some(true),
            starting_deadline_seconds: spec["startingDeadlineSeconds"].as_i64(),
            histories: [history("successfulJobsHistoryLimit", 3), history("failedJobsHistoryLimit", 1)],
            template: spec["jobTemplate"].clone(),
            last_schedule: body["status"]["lastScheduleTime"].as_time(),
        }))
    }

    fn default(&self, doc: &mut Doc) {
        let spec = doc.at_mut(&["spec"]);
        spec.default_to("concurrencyPolicy", "Allow");
        spec.default_to("failedJobsHistoryLimit", 1i64);
        spec.default_to("successfulJobsHistoryLimit", 3i64);
        spec.default_to("suspend", false);
        spec.at_mut(&["jobTemplate"]).default_to("metadata", Doc::map());
        default_job_template(spec.at_mut(&["jobTemplate", "spec"]));
    }

    fn prepare_create(&self, doc: &mut Doc) {
        doc.set("status", Doc::map());
    }

    fn validate(&self, doc: &Doc, faults: &mut Faults) {
        let (name, spec) = (&doc["metadata"]["name"], &doc["spec"]);
        if name.as_str().is_some_and(|name| name.len() > 52) {
            faults.invalid("metadata.name", name, "must be no more than 52 characters");
        }
        match spec["schedule"].as_str().filter(|text| !text.is_empty()) {
            None => faults.required("spec.schedule", ""),
            Some(text) => {
                // A zone before the fields is refused, but read.
                let zoned = ["TZ=", "CRON_TZ="].into_iter().any(|zone| text.starts_with(zone));
                let fields = text.split_once(' ').filter(|_| zoned).map_or(text, |(_, fields)| fields);
                if let Err(why) = Schedule::parse(fields) {
                    faults.invalid("spec.schedule", &spec["schedule"], why);
                }
                if text.contains("TZ") {
                    let why = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead";
                    faults.invalid("spec.schedule", &spec["schedule"], why);
                }
            }
        }
        let number = |faults: &mut Faults, field: &str| {
            validation::non_negative(faults, &format!("spec.{field}"), &spec[field]);
        };
        number(faults, "startingDeadlineSeconds");
        time_zone(&spec["timeZone"], faults);
        let concurrency = &spec["concurrencyPolicy"];
        if !matches!(concurrency.as_str(), Some("Allow" | "Forbid" | "Replace")) {
            let supported = ["Allow", "Forbid", "Replace"];
            faults.not_supported("spec.concurrencyPolicy", concurrency, &supported);
        }
        let template = At::root(&spec["jobTemplate"]["spec"], "spec.jobTemplate.spec");
        validate_spec(template.doc(), "spec.jobTemplate.spec", faults);
        let (selector, manual) = (template.field("selector"), template.field("manualSelector"));
        if selector.is_set() {
            faults.invalid(&selector, &selector, "`selector` will be auto-generated");
        }
        if manual.as_bool() == Some(true) {
            faults.not_supported(&manual, &manual, &["nil", "false"]);
        }
        number(faults, "successfulJobsHistoryLimit");
        number(faults, "failedJobsHistoryLimit");
    }

    fn columns(&self) -> &'static [Column] {
        const COLUMNS: &[Column] = &[
            Column { name: "Name", wide: false },
            Column { name: "Schedule", wide: false },
            Column { name: "Timezone", wide: false },
            Column { name: "Suspend", wide: false },
            Column { name: "Active", wide: false },
            Column { name: "Last Schedule", wide: false },
            Column { name: "Age", wide: false },
            Column { name: "Containers", wide: true },
            Column { name: "Images", wide: true },
            Column { name: "Selector", wide: true },
        ];
        COLUMNS
    }

    fn row(&self, object: &Object, now: Timestamp) -> Row {
        let (spec, status) = (&object.body["spec"], &object.body["status"]);
        let none = || "<none>".to_owned();
        let [containers, images, selector] = template_cells(&spec["jobTemplate"]["spec"]);
        let suspend = spec["suspend"].as_bool() == Some(true);
        let last = status["lastScheduleTime"].as_time();
        vec![
            object.key.name.to_string(),
            spec["schedule"].str().to_string(),
            spec["timeZone"].as_str().map_or_else(none, str::to_owned),
            if suspend { "True" } else { "False" }.to_owned(),
            status["active"].items().len().to_string(),
            last.map_or_else(none, |last| age(last, now)),
            age(object.meta.creation, now),
            containers,
            images,
            if selector.is_empty() { none() } else { selector },
        ]
    }
}

fn time_zone(zone: &Doc, faults: &mut Faults) {
    let name = zone.str();
    if zone.is_null() {
        return;
    }
    if name.is_empty() {
        return faults.invalid("spec.timeZone", zone, "timeZone must be nil or non-empty string");
    }
    if name.eq_ignore_ascii_case("local") {
        faults.invalid("spec.timeZone", zone, NO_LOCAL);
    }
    // Go knows its own zone by exactly this name.
    if name != "Local" && Zone::named(&name).is_none() {
        faults.invalid("spec.timeZone", zone, format!("unknown time zone {name}"));
    }
}
