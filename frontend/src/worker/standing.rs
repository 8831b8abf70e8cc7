//! How the cluster stands, in as few letters as a thumbnail needs: what a room's instructor sees of everybody.

use crate::protocol::{Node, Pod, PodShape, Standing};
use crate::view_model::Table;

/// Nodes, pods and objectives at a glance.
pub fn standing(
    at: u64,
    objectives: Vec<(String, Option<bool>)>,
    nodes: &Table<Node>,
    pods: &Table<Pod>,
) -> Standing {
    let on = |node: &str| {
        pods.values().filter(|pod| pod.node == node).map(|pod| of_pod(pod.shape)).collect::<String>()
    };
    let nodes = nodes.values().map(|node| (node.name.clone(), of_node(node), on(&node.name))).collect();
    Standing { at, objectives, nodes, waiting: on("") }
}

fn of_node(node: &Node) -> char {
    match () {
        () if !node.power => 'o',
        () if node.ready.is_empty() => 'j',
        () if node.ready != "True" => 'n',
        () if node.cordoned => 'c',
        () => 'r',
    }
}

fn of_pod(shape: PodShape) -> char {
    match shape {
        PodShape::Pending => 'p',
        PodShape::Starting => 's',
        PodShape::Running => 'u',
        PodShape::Ready => 'r',
        PodShape::Succeeded => 'd',
        PodShape::Failing => 'f',
        PodShape::Terminating => 't',
        PodShape::Unknown => 'x',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_each() {
        let node = |name: &str, power, ready: &str| Node {
            name: name.to_owned(),
            power,
            ready: ready.to_owned(),
            ..Node::default()
        };
        let pod = |uid: &str, node: &str, shape| Pod {
            uid: uid.to_owned(),
            node: node.to_owned(),
            shape,
            ..Pod::default()
        };
        let nodes = [node("node-0", true, "True"), node("node-1", false, "Unknown")];
        let pods = [
            pod("a", "node-0", PodShape::Ready),
            pod("b", "node-0", PodShape::Failing),
            pod("c", "", PodShape::Pending),
        ];
        let nodes: Table<Node> = nodes.into_iter().map(|node| (node.name.clone(), node.into())).collect();
        let pods: Table<Pod> = pods.into_iter().map(|pod| (pod.uid.clone(), pod.into())).collect();
        let standing = standing(7, vec![("one".to_owned(), Some(true))], &nodes, &pods);
        let expected = [("node-0", 'r', "rf"), ("node-1", 'o', "")];
        assert!(
            standing
                .nodes
                .iter()
                .map(|(name, state, pods)| (name.as_str(), *state, pods.as_str()))
                .eq(expected)
        );
        assert_eq!((standing.at, standing.waiting.as_str()), (7, "p"));
    }
}
