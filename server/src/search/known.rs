//! Hits that come from what is known of Windows: updates, error codes, safeguard holds, issues.

use sickbay_diagnosis::error_code::spelled;
use sickbay_diagnosis::explanation::Question;
use sickbay_diagnosis::filter::{Filter, Pattern, Test};
use sickbay_diagnosis::issue::Issue;
use sickbay_diagnosis::issues;
use sickbay_diagnosis::knowledge::{ErrorCode, Explained, Hold};
use sickbay_store::IssueCount;
use sickbay_web::links;

use super::{Hit, Kind, OF_HOLDS, Search, Section, has_all};
use crate::updates;

/// Letters that words need to have together, so that knowledge is searched for them: one letter stands everywhere.
const LETTERS: usize = 3;

/// A safeguard hold that the text could mean.
pub(super) struct HoldMeant<'a> {
    id: u32,
    known: Option<&'a Hold>,
}

/// How the causes of a hold begin.
pub(super) fn cause_of(hold: &HoldMeant<'_>) -> String {
    format!("{}/", hold.id)
}

impl<'a> Search<'a> {
    fn is_worth_words(&self) -> bool {
        let letters: usize = self
            .asked
            .words
            .iter()
            .map(|word| word.chars().count())
            .sum();
        letters >= LETTERS
    }

    /// The update that the text names.
    pub(super) fn updates(&self) -> Section {
        let mut hits = Vec::new();
        if let Some(update) = &self.asked.update {
            let known = updates::known(self.rules);
            let question = Question::new(known, update.kb, update.file.clone());
            let is_known = !question.aims.is_empty();
            if is_known || update.is_certain || self.asked.hold.is_none() {
                let file = update.file.as_ref().map(ToString::to_string);
                let asked = file.unwrap_or_else(|| update.kb.to_string());
                hits.push(Hit {
                    id: update.kb.to_string(),
                    title: asked.clone(),
                    why: if is_known {
                        format!("An update for {}", question.is_for())
                    } else {
                        "The number of an update; what it brings is not known".to_owned()
                    },
                    href: links::update(&asked, "", ""),
                    devices: None,
                    is_named: update.is_certain,
                });
            }
        }
        self.whole(Kind::Update, hits)
    }

    /// Error codes that the text is or mentions, then those that have its words.
    pub(super) fn error_codes(&self) -> Section {
        let known = &self.rules.knowledge;
        let is_one = known.explain_code(self.asked.text).is_some();
        let explained = known.explain(self.asked.text).codes;
        let told: Vec<&Explained<'_>> = explained.iter().filter(|code| code.is_known()).collect();
        let mut hits: Vec<Hit> = told
            .iter()
            // A bare number such as 404 may as well be a part of a name.
            .map(|code| {
                of_code(
                    code,
                    is_one && code.known.is_some() && code.taken_as.is_none(),
                )
            })
            .collect();
        let mut total = hits.len();
        if self.is_worth_words() && !is_one {
            let found = known.search_errors(self.asked.text);
            let is_told = |code: &ErrorCode| {
                let mut told = told.iter().filter_map(|told| told.known);
                told.any(|told| told.code == code.code)
            };
            let others = found.codes.iter().filter(|code| !is_told(code));
            let told = found.codes.iter().filter(|code| is_told(code)).count();
            hits.extend(others.take(self.limit).map(|code| with_words(code)));
            total += found.total - told;
        }
        let all = links::error_codes(self.asked.text);
        self.section(Kind::ErrorCode, hits, total as u64, Some(all))
    }

    /// Safeguard holds that the text could mean: by id, or by words of what they are about.
    pub(super) fn holds(&self) -> Vec<HoldMeant<'a>> {
        let known = &self.rules.knowledge;
        if let Some(id) = self.asked.hold {
            return vec![HoldMeant {
                id,
                known: known.hold(id),
            }];
        }
        if !self.is_worth_words() {
            return Vec::new();
        }
        let about = known.holds().filter(|hold| {
            let parts = [
                Some(&hold.affected),
                hold.files.as_ref(),
                hold.vendor.as_ref(),
            ];
            let parts: Vec<&str> = parts.into_iter().flatten().map(|part| &**part).collect();
            has_all(&parts.join(" "), &self.asked.words)
        });
        about
            .map(|hold| HoldMeant {
                id: hold.id,
                known: Some(hold),
            })
            .collect()
    }

    /// Those of them that are known, or that a device has; those of most devices first.
    pub(super) fn holds_found(&self, holds: &[HoldMeant<'_>], devices: &[u64]) -> Section {
        let mut found: Vec<(&HoldMeant<'_>, u64)> = holds
            .iter()
            .zip(devices.iter().copied())
            .filter(|(hold, devices)| hold.known.is_some() || *devices > 0)
            .collect();
        found.sort_by_key(|(hold, devices)| (std::cmp::Reverse(*devices), hold.id));
        let hits = found.into_iter().map(|(hold, devices)| {
            let filter = Filter::Is(Test::Cause(Pattern::new(format!("{}*", cause_of(hold)))));
            Hit {
                id: format!("{:08}", hold.id),
                title: format!("Safeguard hold {:08}", hold.id),
                why: match hold.known {
                    Some(known) => format!("About {}", known.affected),
                    None => "Publicly not known; devices have it".to_owned(),
                },
                href: links::issue(OF_HOLDS, &filter.to_string()),
                devices: Some(devices),
                is_named: false,
            }
        });
        self.whole(Kind::Hold, hits.collect())
    }

    /// Issues by id and by words, the closest first.
    pub(super) fn issues(&self, counts: &[IssueCount]) -> Section {
        let words = &self.asked.words;
        let mut found: Vec<(u8, &'static Issue)> = Vec::new();
        if self.is_worth_words() {
            let all = issues::ALL.iter();
            found.extend(all.filter_map(|issue| Some((closeness(issue, words)?, *issue))));
        }
        found.sort_by_key(|(closeness, _)| *closeness);
        let hits = found.into_iter().map(|(closeness, issue)| {
            let count = counts.iter().find(|count| count.issue == issue.id);
            Hit {
                id: issue.id.to_owned(),
                title: issue.title.to_owned(),
                why: match closeness {
                    IS_ID => "Its id is this",
                    IN_TITLE => "Its title has this",
                    _ => "What it means has this",
                }
                .to_owned(),
                href: links::issue(issue.id, ""),
                devices: Some(count.map_or(0, |count| count.open)),
                is_named: false,
            }
        });
        let all = Some(links::ISSUES.to_owned());
        let hits: Vec<Hit> = hits.collect();
        let total = hits.len() as u64;
        self.section(Kind::Issue, hits, total, all)
    }
}

const IS_ID: u8 = 0;
const IN_TITLE: u8 = 1;
const IN_MEANING: u8 = 2;

fn closeness(issue: &Issue, words: &[String]) -> Option<u8> {
    let named = format!("{} {}", issue.title, issue.id);
    if words.len() == 1 && issue.id == words[0] {
        Some(IS_ID)
    } else if has_all(&named, words) {
        Some(IN_TITLE)
    } else {
        has_all(&format!("{named} {}", issue.meaning), words).then_some(IN_MEANING)
    }
}

fn of_code(explained: &Explained<'_>, is_named: bool) -> Hit {
    let code = explained.spelled();
    Hit {
        title: match explained.known {
            Some(known) => format!("{code} {}", known.name),
            None => code.clone(),
        },
        why: match explained.known {
            Some(known) => known.meaning.to_string(),
            None => explained.family.told(),
        },
        href: links::error_codes(&code),
        id: code,
        devices: None,
        is_named,
    }
}

fn with_words(code: &ErrorCode) -> Hit {
    let written = spelled(code.code);
    Hit {
        title: format!("{written} {}", code.name),
        why: format!("{}: {}", code.area, code.meaning),
        href: links::error_codes(&written),
        id: written,
        devices: None,
        is_named: false,
    }
}
