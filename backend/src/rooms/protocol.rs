//! What is said in a room: JSON text frames over a WebSocket, beside those of the sessions.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::scenario::StepAction;

/// Longest text that is passed on, in characters.
const LONGEST_TEXT: usize = 2000;
/// Nodes in a thumbnail at most; of larger clusters the first.
const THUMB_NODES: usize = 64;
/// Pods on a node of a thumbnail at most.
const THUMB_PODS: usize = 120;
/// What a question offers at most.
const CHOICES: usize = 12;

/// What somebody in the room says.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Said {
    /// The first frame: the token tells who comes.
    Hello {
        /// The instructor's, or a participant's.
        token: String,
    },
    /// A participant: how their own cluster is.
    Status(Status),
    /// A participant raises a hand, or takes it down.
    Hand {
        /// Whether it is up.
        up: bool,
    },
    /// A participant lets the instructor in, or asks them to leave.
    Consent {
        /// Whether they may be there.
        yes: bool,
    },
    /// A participant's answer to the question.
    Answer {
        /// Which, from 0.
        choice: u32,
    },
    /// The instructor: something for all, or for some.
    Push {
        /// For whom, by number; all when left out.
        #[serde(default)]
        to: Option<Vec<u32>>,
        /// What.
        what: Push,
    },
    /// The instructor: this participant begins anew.
    Reset {
        /// Who.
        number: u32,
    },
    /// The instructor asks to be let into somebody's cluster.
    Visit {
        /// Whose.
        number: u32,
    },
    /// The instructor leaves it.
    Leave {
        /// Whose.
        number: u32,
    },
    /// The instructor has seen to a raised hand.
    Lower {
        /// Whose.
        number: u32,
    },
    /// The instructor sends somebody away.
    Remove {
        /// Whom.
        number: u32,
    },
    /// The instructor asks the room; without choices the question is over.
    Ask(Question),
    /// The instructor: the workshop is over.
    End {},
}

/// What an instructor sends.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Push {
    /// Words; empty ones take the last ones back.
    Note {
        /// The words.
        text: String,
    },
    /// Time stands still, or goes on.
    Pause {
        /// Whether it stands.
        on: bool,
    },
    /// Come to the instructor's screen, or go back to your own.
    Come {
        /// Whether to come.
        on: bool,
    },
    /// Do this in their clusters.
    Act {
        /// A fault, a repair, a command.
        action: Box<StepAction>,
    },
    /// Begin this scenario.
    Scenario {
        /// YAML or JSON.
        text: String,
    },
    /// Begin where the instructor's own cluster is now.
    Checkpoint {},
}

/// How somebody's cluster is, as their page sees it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Status {
    /// The session it is about: what is said of one that was left behind counts for nothing.
    #[serde(skip_serializing)]
    pub session: String,
    /// Virtual milliseconds.
    pub time: u64,
    /// The objectives that are met, by their ids.
    #[serde(default, skip_serializing)]
    pub met: Vec<String>,
    /// Each node: a letter for the node and one for each pod on it.
    #[serde(default)]
    pub nodes: Vec<(char, String)>,
    /// Pods without a node, a letter each.
    #[serde(default)]
    pub waiting: String,
}

impl Status {
    /// Only what a thumbnail is made of, and no more of it than a thumbnail shows.
    pub fn trimmed(mut self) -> Self {
        let letters = |text: &str| text.chars().filter(char::is_ascii_lowercase).take(THUMB_PODS).collect();
        self.nodes.retain(|(node, _)| node.is_ascii_lowercase());
        self.nodes.truncate(THUMB_NODES);
        for (_, pods) in &mut self.nodes {
            *pods = letters(pods);
        }
        self.waiting = letters(&self.waiting);
        self
    }
}

/// A question to the room.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Question {
    /// What is asked.
    pub text: String,
    /// What can be answered.
    pub choices: Vec<String>,
}

impl Question {
    /// Within limits; none when it asks nothing.
    pub fn trimmed(self) -> Option<Self> {
        let choices: Vec<String> = self.choices.iter().map(|choice| short(choice)).take(CHOICES).collect();
        (!choices.is_empty()).then(|| Self { text: short(&self.text), choices })
    }
}

/// Text of bounded length.
pub fn short(text: &str) -> String {
    text.chars().take(LONGEST_TEXT).collect()
}

/// What holds for all, also for those who come late.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Notice {
    /// The instructor's last words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// Whether time stands still.
    pub paused: bool,
    /// Whether all are to look at the instructor's screen.
    pub come: bool,
}

/// A session and the token to it.
#[derive(Clone, Debug, Serialize)]
pub struct Place {
    /// The session.
    pub id: String,
    /// The token; left out where the reader's own token is the one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// What the room says.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Told {
    /// To a participant who came in.
    Seat {
        /// What the room is called.
        title: String,
        /// The participant's number.
        number: u32,
        /// What they are called here.
        name: String,
        /// Their own session.
        session: Place,
        /// The instructor's.
        shared: Place,
        /// What is to be reached, by id.
        objectives: Vec<String>,
        /// That in words, by id and language.
        titles: Arc<Value>,
        /// What holds for all.
        notice: Notice,
        /// The question that is open.
        question: Option<Question>,
        /// Whether their hand is up.
        hand: bool,
        /// What the instructor asked of them.
        visit: Visit,
    },
    /// To an instructor who came in.
    Desk {
        /// What the room is called.
        title: String,
        /// How many there is place for.
        seats: u32,
        /// When it ends, in milliseconds since 1970.
        ends: u64,
        /// The instructor's shared session.
        shared: Place,
        /// What holds for all.
        notice: Notice,
        /// The question that is open.
        question: Option<Question>,
        /// Where others come in.
        join: String,
        /// What the scenario says to people: titles of objectives, notes for the instructor.
        guide: Arc<Value>,
    },
    /// To the instructor: those about whom something changed.
    People {
        /// What time it is, in milliseconds since 1970.
        now: u64,
        /// In the order of their numbers.
        people: Vec<Person>,
        /// Numbers of those who are not here any more.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        gone: Vec<u32>,
    },
    /// What holds for all has changed.
    Notice(Notice),
    /// To a participant: begin here.
    Opened {
        /// Their own session from now on.
        session: Place,
        /// What is to be reached there, by id.
        objectives: Vec<String>,
        /// That in words, by id and language.
        titles: Arc<Value>,
        /// Whether it is the same as before, from its beginning.
        reset: bool,
    },
    /// To a participant: whether the instructor wants to come, is there, or has gone.
    Visit(Visit),
    /// To a participant: the instructor has seen the raised hand.
    Lowered {},
    /// To the instructor: the door is open.
    Entered {
        /// Whose.
        number: u32,
        /// Which session, with a token for as long as it stays open.
        session: Place,
    },
    /// To the instructor: the door is shut.
    Left {
        /// Whose.
        number: u32,
    },
    /// A question, or that it is over.
    Asked(Option<Question>),
    /// To the instructor: how many answered what.
    Tally {
        /// For each choice.
        counts: Vec<u32>,
    },
    /// To the instructor: what was pushed has arrived.
    Pushed {
        /// At how many.
        reached: u32,
        /// At how many not.
        failed: u32,
    },
    /// What was asked is not done.
    Refused {
        /// Why, and what to do instead.
        why: String,
    },
    /// The workshop is over.
    Ended {},
}

impl Told {
    /// The frame.
    pub fn write(&self) -> axum::extract::ws::Utf8Bytes {
        serde_json::to_string(self).expect("a message always prints").into()
    }
}

/// How it stands with a visit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Visit {
    /// Nobody asked, or it is over.
    #[default]
    None,
    /// The instructor asks to come in.
    Asked,
    /// The instructor is let in.
    Granted,
}

/// A participant, as the instructor sees them.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Person {
    /// Their number.
    pub number: u32,
    /// Their name.
    pub name: String,
    /// Whether they are connected.
    pub here: bool,
    /// Since when their hand is up, in milliseconds since 1970; 0 when it is not.
    pub hand: u64,
    /// What they have to reach, by id, and when they did; 0 for not yet.
    pub objectives: Vec<(String, u64)>,
    /// When something last went forward.
    pub moved: u64,
    /// How it stands with a visit.
    pub visit: Visit,
    /// Their cluster.
    pub status: Status,
}

/// What a scenario wants to be reached, and how it says that.
#[derive(Clone, Debug, Default)]
pub struct Goals {
    /// In order.
    pub ids: Vec<String>,
    /// All that the scenario says to people; nobody but their pages reads it.
    pub guide: Arc<Value>,
    /// Of that, the objectives in words, by id and language.
    pub titles: Arc<Value>,
}

impl Goals {
    /// Of a scenario as JSON.
    pub fn of(scenario: &str) -> Self {
        let scenario: Value = serde_json::from_str(scenario).unwrap_or_default();
        let spec = &scenario["spec"];
        let id = |goal: &Value| goal["id"].as_str().map(str::to_owned);
        Self {
            ids: spec["expect"].as_array().map_or(&[][..], Vec::as_slice).iter().filter_map(id).collect(),
            guide: Arc::new(spec["guide"].clone()),
            titles: Arc::new(spec["guide"]["objectives"].clone()),
        }
    }

    /// Nothing of it is reached yet.
    pub fn begin(&self, began: u64) -> Progress {
        Progress {
            objectives: self.ids.clone(),
            titles: Arc::clone(&self.titles),
            met: BTreeMap::new(),
            began,
        }
    }
}

/// What is kept of somebody's way through the scenario.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Progress {
    /// What they have to reach, in order.
    pub objectives: Vec<String>,
    /// That in words, by id and language.
    pub titles: Arc<Value>,
    /// What they reached and when, in milliseconds since 1970.
    pub met: BTreeMap<String, u64>,
    /// When they began.
    pub began: u64,
}
