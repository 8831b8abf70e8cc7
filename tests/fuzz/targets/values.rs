//! Small languages: amounts, lengths of time, dates, selectors, queries, addresses, schedules of CronJobs.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::{
    api::{self, FieldSelector, LabelSelector},
    doc::{Doc, JsonPath, Timestamp},
    network::Url,
    runtime::is_valid_reference,
    sim,
};

fuzz_target!(|input: &[u8]| fuzz::within_bounds(|| {
    let text = fuzz::text(input);
    let doc = Doc::from(&*text);
    api::parse_quantity(&text);
    api::milli(&doc);
    api::bytes(&doc);
    api::quantity::canonical(&doc);
    if let Some(length) = sim::Duration::parse(&text) {
        assert_eq!(sim::Duration::parse(&length.to_string()), Some(length));
    }
    if let Some(date) = Timestamp::parse(&text) {
        assert_eq!(Timestamp::parse(&date.rfc3339_micros()), Some(date));
    }
    if let Ok(selector) = LabelSelector::parse(&text) {
        selector.matches(&doc);
    }
    drop(FieldSelector::parse(&text));
    drop(api::query(&text));
    drop(api::percent_decode(&text));
    if let Ok(url) = Url::parse(&text) {
        url.address();
    }
    if let Ok(path) = JsonPath::parse(&text) {
        path.find(&doc);
    }
    is_valid_reference(&text);
}));
