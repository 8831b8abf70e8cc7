//! Requests that only read: paths, selectors, list options, continue tokens, watches, logs. They change nothing, so each is
//! answered by the same cluster.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::{api::User, cluster::Course};

/// How much a watch tells at once.
const PART: u64 = 64 << 10;

fuzz_target!(|input: &[u8]| {
    let player = fuzz::world();
    fuzz::within_bounds(|| {
        let cluster = player.cluster();
        for text in fuzz::parts(&fuzz::text(input)) {
            let course = cluster.course(&fuzz::http::request(text), User::person("ana".into()), true);
            match (course, cluster.watched()) {
                (Course::Answered(answer), _) => drop(answer.body.to_json()),
                (Course::Watch(mut watcher), Some(store)) => {
                    drop(watcher.read(store, cluster.core().timestamp(), PART));
                    drop(watcher.bookmark());
                }
                _ => {}
            }
        }
    });
});
