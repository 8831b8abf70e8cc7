//! A one-click completion for a Pod that lacks its name or its containers' images, as the beginner's first one often
//! does. Works on the text, so that comments and layout stay.

/// The image that a container without one is given: the app that is running already.
const IMAGE: &str = "todo-api:v1.0";

/// The text with what its Pods lack, or `None` when they lack nothing that this can add.
pub fn complete(text: &str) -> Option<String> {
    let mut documents = Vec::new();
    let mut current = Vec::new();
    for line in text.lines() {
        if line.trim_end() == "---" {
            documents.push(std::mem::take(&mut current));
        } else {
            current.push(line.to_owned());
        }
    }
    documents.push(current);
    let mut changed = false;
    for document in &mut documents {
        changed |= complete_pod(document);
    }
    let join = |lines: Vec<String>| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    changed.then(|| documents.into_iter().map(join).collect::<Vec<_>>().join("---\n"))
}

fn complete_pod(lines: &mut Vec<String>) -> bool {
    let Some(kind) = lines.iter().position(|line| value_of(line, "kind") == Some("Pod")) else {
        return false;
    };
    let name = first_container(lines).unwrap_or_else(|| "app".to_owned());
    let mut changed = false;
    match lines.iter().position(|line| line.starts_with("metadata:")) {
        None => {
            lines.splice(kind + 1..=kind, ["metadata:".to_owned(), format!("  name: {name}")]);
            changed = true;
        }
        Some(at) => {
            let inside = lines[at + 1..].iter().take_while(|line| line.starts_with(' ') || line.is_empty());
            if !inside.clone().any(|line| value_of(line.trim_start(), "name").is_some()) {
                lines.insert(at + 1, format!("  name: {name}"));
                changed = true;
            }
        }
    }
    changed | complete_images(lines)
}

/// Gives an image to every item of `containers` that has none.
fn complete_images(lines: &mut Vec<String>) -> bool {
    let Some(list) = lines.iter().position(|line| line.trim() == "containers:") else { return false };
    let depth = indent(&lines[list]);
    let mut starts: Vec<usize> = Vec::new();
    let mut end = lines.len();
    for (index, line) in lines.iter().enumerate().skip(list + 1) {
        let item = line.trim_start().starts_with("- ");
        if !line.trim().is_empty() && (indent(line) < depth || indent(line) == depth && !item) {
            end = index;
            break;
        }
        if item && starts.first().is_none_or(|&first| indent(line) == indent(&lines[first])) {
            starts.push(index);
        }
    }
    let mut changed = false;
    for (number, &start) in starts.iter().enumerate().rev() {
        let stop = starts.get(number + 1).copied().unwrap_or(end);
        let has_image = lines[start..stop]
            .iter()
            .any(|line| value_of(line.trim_start().trim_start_matches("- "), "image").is_some());
        if !has_image {
            let pad = " ".repeat(indent(&lines[start]) + 2);
            lines.insert(start + 1, format!("{pad}image: {IMAGE}"));
            changed = true;
        }
    }
    changed
}

fn first_container(lines: &[String]) -> Option<String> {
    let list = lines.iter().position(|line| line.trim() == "containers:")?;
    let name = lines[list + 1..]
        .iter()
        .find_map(|line| value_of(line.trim_start().trim_start_matches("- "), "name"))?;
    Some(name.to_owned())
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The value of `key: value`, without a comment; `None` when the line is something else or has no value.
fn value_of<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(key)?.strip_prefix(':')?;
    let value = rest.split(" #").next().unwrap_or("").trim();
    (!value.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::complete;

    #[test]
    fn a_bare_pod_gets_a_name_and_an_image() {
        let bare = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: app\n    envFrom:\n    - configMapRef:\n        name: app-config # settings\n";
        let completed = complete(bare).expect("it lacks name and image");
        assert_eq!(
            completed,
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: app\nspec:\n  containers:\n  - name: app\n    image: todo-api:v1.0\n    envFrom:\n    - configMapRef:\n        name: app-config # settings\n"
        );
        assert_eq!(complete(&completed), None);
    }

    #[test]
    fn only_what_is_missing_is_added_and_other_documents_stay() {
        let text = "kind: ConfigMap\ndata: {}\n---\nkind: Pod\nmetadata:\n  labels: {a: b}\nspec:\n  containers:\n    - image: x:1\n      name: one\n    - name: two\n";
        let completed = complete(text).expect("a name and an image are missing");
        assert!(completed.starts_with("kind: ConfigMap\ndata: {}\n---\nkind: Pod\nmetadata:\n  name: one\n"));
        assert!(completed.ends_with("    - name: two\n      image: todo-api:v1.0\n"), "{completed}");
        assert_eq!(complete("kind: Deployment\nspec:\n  replicas: 3\n"), None);
        assert_eq!(complete(""), None);
    }
}
