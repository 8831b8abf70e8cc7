//! Still pictures of the ready clusters, in the letters of `public/embed/still.js`: each node's state and its pods', as the
//! cluster is first seen.

/// Letters by the scenario file's name.
pub const STILLS: [(&str, &str); 6] = [
    ("hello-pod", "rr"),
    ("canary", "rrr.rr.rr"),
    ("zone-failure", "rr.rr.rr.rr.rr.rr"),
    ("autoscaler", "rr.rr.rr"),
    ("stateful-quorum", "rr.rr.rr"),
    ("broken", "rrf.rfr"),
];

/// The picture of a cluster.
pub fn of(name: &str) -> &'static str {
    STILLS.iter().find(|(file, _)| *file == name).map_or("", |(_, letters)| letters)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        protocol::{Reply, Request},
        worker::{driver::Driver, replica::Replica},
    };

    #[test]
    fn the_pictures_show_what_is_there() {
        for (name, letters) in STILLS {
            let file = format!("{}/../public/examples/clusters/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
            let scenario = std::fs::read_to_string(file).expect("the scenario");
            let mut driver = Driver::new(Replica::from_scenario(&scenario).expect("it can be played"));
            driver.first_frame();
            let [Reply::Standing(standing)] = &driver.hear(Request::Standing)[..] else { panic!("{name}") };
            let nodes: Vec<String> =
                standing.nodes.iter().map(|(_, state, pods)| format!("{state}{pods}")).collect();
            assert_eq!(nodes.join("."), letters, "{name}");
        }
    }
}
