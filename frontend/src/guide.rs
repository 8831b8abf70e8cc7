//! Guided walks as data (`public/lessons/`): what a step says, lights and does.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::protocol::Subject;

/// A text in each language.
pub type Text = BTreeMap<String, String>;

/// A guided walk.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Guide {
    /// In order.
    pub steps: Vec<Step>,
}

/// One sentence, one spotlight, one thing to try.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// A CSS selector of what the light falls on.
    pub spotlight: String,
    /// What it is called.
    pub title: Text,
    /// The sentence.
    pub say: Text,
    /// What to try.
    pub r#try: Text,
    /// The same thing for those who know ECS.
    pub ecs: Text,
    /// What the button does, where there is one.
    pub act: Option<Act>,
}

/// Something that a step does for the person.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub enum Act {
    /// Apply a file beside the guide.
    Apply(String),
    /// Open the inspector on an object or program.
    Inspect(Subject),
    /// Open the inspector on some pod of an app.
    InspectPod(String),
    /// Delete some pod of an app.
    DeletePod(String),
    /// Open the editor with an example.
    Edit(String),
    /// Switch off the last node.
    PowerOff,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tour_is_complete_in_both_languages() {
        let guide: Guide =
            serde_json::from_str(include_str!("../../public/lessons/tour/guide.json")).expect("a guide");
        assert!(guide.steps.len() >= 10);
        for step in &guide.steps {
            for text in [&step.title, &step.say, &step.r#try, &step.ecs] {
                for language in ["en", "ja"] {
                    assert!(
                        text.get(language).is_some_and(|text| !text.is_empty()),
                        "{language} in {step:?}"
                    );
                }
            }
            assert!(step.spotlight.starts_with(['.', '[']), "{}", step.spotlight);
        }
    }
}
