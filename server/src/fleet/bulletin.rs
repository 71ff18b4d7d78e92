//! What the servers of one database tell each other, and what a command beside them asks. A version that does not know a word of it
//! passes over it, so servers of two versions may stand side by side.

use serde::{Deserialize, Serialize};

use crate::fleet::twins::Run;

/// What one bulletin says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Bulletin {
    /// A server begins, or may have missed something: every other one says who is connected to it.
    Hello,
    /// Keys of devices that are connected to the sender.
    Connected {
        /// Whether the list begins here; more of it may follow.
        first: bool,
        /// Keys.
        devices: Vec<i64>,
    },
    /// The sender lives.
    Alive,
    /// The sender ends; nobody is connected to it any more.
    Leaving,
    /// Sessions that opened.
    Opened {
        /// In their order.
        sessions: Vec<Opened>,
    },
    /// Devices whose session ended.
    Closed {
        /// Keys.
        devices: Vec<i64>,
    },
    /// Devices are asked to look again, by whoever they are connected to.
    Inspect {
        /// Keys, each with its request.
        requests: Vec<(i64, String)>,
        /// When they were asked, in milliseconds UTC.
        at: i64,
        /// Whether the sender wants to be told who was reached and what they answered: it is a command, and holds no sessions itself.
        #[serde(default)]
        wants_word: bool,
    },
    /// Devices that were asked for a command.
    Reached {
        /// Keys, each with its request.
        requests: Vec<(i64, String)>,
    },
    /// What devices answered.
    Answered {
        /// Keys, each with its request, and whether it looked.
        answers: Vec<(i64, String, bool)>,
        /// When, in milliseconds UTC.
        at: i64,
    },
    /// Two machines hold a device's key. Of servers that come to different verdicts the first that says so is believed by all.
    Copied {
        /// The device.
        key: i64,
        /// The run that has to enrol again, in hexadecimal, and its machine's firmware.
        newcomer: (String, String),
        /// The run that keeps the device.
        stays: (String, String),
    },
    /// Rules that are stored changed: they come into force at once.
    RulesChanged,
    /// What a newer version says.
    #[serde(other)]
    Unknown,
}

/// A session that opened, or was refused because its run holds a copied key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// The device.
    pub key: i64,
    /// The session's number at its server; `None` where it was refused.
    pub session: Option<u64>,
    /// The run of the collector's program, in hexadecimal; empty where it names none.
    pub run: String,
    /// Its machine's firmware; empty where unknown.
    pub fingerprint: String,
    /// The firmware that the device enrolled with.
    pub enrolled: String,
    /// When, in milliseconds UTC.
    pub at: i64,
}

impl Opened {
    /// The run.
    pub fn run(&self) -> Run {
        run_of(&(self.run.clone(), self.fingerprint.clone()))
    }
}

/// A run as bulletins write it.
pub fn written(run: &Run) -> (String, String) {
    (hex::encode(&run.instance), run.fingerprint.clone())
}

/// A run as it was written.
pub fn run_of((instance, fingerprint): &(String, String)) -> Run {
    Run {
        instance: hex::decode(instance).unwrap_or_default(),
        fingerprint: fingerprint.clone(),
    }
}

impl Bulletin {
    /// As it is posted.
    pub fn text(&self) -> String {
        serde_json::to_string(self).expect("numbers and texts always serialize")
    }

    /// As it was posted; what cannot be understood says nothing.
    pub fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or(Self::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_another_version_are_passed_over() {
        let said = Bulletin::Inspect {
            requests: vec![(7, "a-1".to_owned())],
            at: 5,
            wants_word: true,
        };
        assert_eq!(Bulletin::read(&said.text()), said);
        assert_eq!(Bulletin::read(&Bulletin::Hello.text()), Bulletin::Hello);
        for newer in [
            r#"{"kind":"sing","song":[1,2]}"#,
            r#"{"kind":"inspect"}"#,
            "no JSON",
        ] {
            assert_eq!(Bulletin::read(newer), Bulletin::Unknown, "{newer}");
        }
        // A field that this version does not know.
        let more = r#"{"kind":"closed","devices":[1],"why":"tired"}"#;
        assert_eq!(
            Bulletin::read(more),
            Bulletin::Closed { devices: vec![1] },
            "{more}"
        );
    }
}
