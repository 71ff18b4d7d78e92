//! What a person may mean by a text that they type into the search box. Pure: it says what the text could be, not whether that is there.

use sickbay_diagnosis::explanation::{PackageFile, Question};
use sickbay_diagnosis::filter::{Filter, NumberField, TextField};
use sickbay_diagnosis::kb::Kb;
use uuid::Uuid;

use crate::problem::Problem;

/// Characters of a text at most.
pub const TEXT_CHARS: usize = 500;
/// Words that are looked for at most; what follows is not.
const WORDS: usize = 12;
/// Digits of a safeguard hold's id.
const HOLD_DIGITS: usize = 8;
/// What names of fields stand in front of.
const COMPARES: [char; 4] = [':', '=', '<', '>'];
/// Fields of filters that are neither texts nor numbers.
const OTHER_FIELDS: [&str; 3] = ["issue", "cause", "state"];

/// What a text could be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked<'t> {
    /// The text, without blanks around it; never empty.
    pub text: &'t str,
    /// Its words in small letters.
    pub words: Vec<String>,
    /// The id of a device.
    pub device: Option<Uuid>,
    /// A host name with its domain behind it.
    pub host: Option<Host<'t>>,
    /// An update.
    pub update: Option<Update>,
    /// The id of a safeguard hold.
    pub hold: Option<u32>,
    /// A build of Windows.
    pub build: Option<Build>,
    /// A condition that names fields, or why it is none.
    pub filter: Option<Result<Filter, String>>,
}

/// `PC-0001.contoso.com`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Host<'t> {
    /// `PC-0001`
    pub label: &'t str,
    /// `contoso.com`, or as much of it as was typed.
    pub domain: &'t str,
}

/// An update that is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// Its number.
    pub kb: Kb,
    /// The package, where the text is the name of one.
    pub file: Option<PackageFile>,
    /// Whether the text can be nothing else.
    pub is_certain: bool,
}

/// `26100.4349`, or `26100` alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Build {
    /// Its number.
    pub number: u32,
    /// Its revision.
    pub revision: Option<u32>,
}

impl<'t> Asked<'t> {
    /// Reads a text; `None` where nothing was typed.
    ///
    /// # Errors
    /// Where it is longer than [`TEXT_CHARS`].
    pub fn read(text: &'t str) -> Result<Option<Self>, Problem> {
        let chars = text.chars().count();
        if chars > TEXT_CHARS {
            return Err(Problem::bad_request(format!(
                "The text has {chars} characters, and at most {TEXT_CHARS} are looked for. A name, a number or a few words are enough."
            )));
        }
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let words = text.split_whitespace().take(WORDS);
        Ok(Some(Self {
            text,
            words: words.map(str::to_lowercase).collect(),
            device: Uuid::try_parse(text).ok(),
            host: host(text),
            update: update(text),
            hold: hold(text),
            build: build(text),
            filter: names_fields(text)
                .then(|| Filter::parse(text).map_err(|error| error.to_string())),
        }))
    }
}

impl Build {
    /// The condition that a device runs it.
    pub fn filter(self) -> String {
        match self.revision {
            Some(revision) => format!("build={} ubr={revision}", self.number),
            None => format!("build={}", self.number),
        }
    }

    /// As it is written.
    pub fn written(self) -> String {
        match self.revision {
            Some(revision) => format!("{}.{revision}", self.number),
            None => self.number.to_string(),
        }
    }
}

fn host(text: &str) -> Option<Host<'_>> {
    let (label, domain) = text.split_once('.')?;
    let fits = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    let is_one = !label.is_empty() && text.chars().all(fits);
    is_one.then_some(Host { label, domain })
}

fn update(text: &str) -> Option<Update> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match Question::understand(text) {
        Ok((kb, file)) => Some(Update {
            kb,
            file,
            // Seven digits have been an update's number for fifteen years; six and eight are also other things.
            is_certain: !digits || text.len() == 7,
        }),
        Err(_) => Kb::find(text).map(|kb| Update {
            kb,
            file: None,
            is_certain: false,
        }),
    }
}

fn hold(text: &str) -> Option<u32> {
    let digits = text.len() == HOLD_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

fn build(text: &str) -> Option<Build> {
    let text = text.strip_prefix("10.0.").unwrap_or(text);
    let number = |text: &str, digits: std::ops::RangeInclusive<usize>| {
        let fits = digits.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        fits.then(|| text.parse().ok())?
    };
    let (build, revision) = match text.split_once('.') {
        None => (text, None),
        Some((build, revision)) => (build, Some(number(revision, 1..=6)?)),
    };
    Some(Build {
        number: number(build, 4..=5)?,
        revision,
    })
}

/// Whether a term begins with the name of a field: else every word of it is only part of a host name.
fn names_fields(text: &str) -> bool {
    let texts = TextField::ALL.map(TextField::name);
    let numbers = NumberField::ALL.map(NumberField::name);
    let is_field = |name: &str| {
        let mut fields = texts.iter().chain(&numbers).chain(&OTHER_FIELDS);
        fields.any(|field| field.eq_ignore_ascii_case(name))
    };
    text.split(|c: char| c.is_whitespace() || "()".contains(c))
        .filter_map(|term| term.split_once(COMPARES))
        .any(|(name, _)| is_field(name.trim_start_matches('-')))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Asked<'_> {
        Asked::read(text)
            .expect("not too long")
            .expect("not nothing")
    }

    #[test]
    fn nothing_is_no_question_and_a_whole_log_is_refused() {
        for nothing in ["", "  ", "\t\n"] {
            assert_eq!(Asked::read(nothing).expect("short"), None);
        }
        assert!(Asked::read(&"ä".repeat(TEXT_CHARS)).is_ok());
        let refused = Asked::read(&"a".repeat(TEXT_CHARS + 1)).expect_err("too long");
        assert_eq!(refused.status, 400);
    }

    #[test]
    fn an_update_is_known_by_its_number_and_by_the_name_of_its_package() {
        for (text, kb, is_file, is_certain) in [
            ("KB5043080", 5_043_080, false, true),
            (" kb 5043080 ", 5_043_080, false, true),
            ("5043080", 5_043_080, false, true),
            ("windows11.0-kb5043080-x64.msu", 5_043_080, true, true),
            ("40667045", 40_667_045, false, false),
            ("the KB5043080 that fails", 5_043_080, false, false),
        ] {
            let update = read(text).update.expect(text);
            assert_eq!(
                (update.kb.number(), update.file.is_some(), update.is_certain),
                (kb, is_file, is_certain),
                "{text}"
            );
        }
        for none in ["PC-5043080", "26100.4349", "0x8024402C", "KB12"] {
            assert_eq!(read(none).update, None, "{none}");
        }
    }

    #[test]
    fn holds_have_eight_digits_and_builds_four_or_five() {
        assert_eq!(read("41990788").hold, Some(41_990_788));
        for none in ["4199078", "419907880", "4199078a", "４１９９０７８８"] {
            assert_eq!(read(none).hold, None, "{none}");
        }
        let build = |number, revision| Some(Build { number, revision });
        for (text, is) in [
            ("26100", build(26_100, None)),
            ("26100.4349", build(26_100, Some(4_349))),
            ("10.0.26100.4349", build(26_100, Some(4_349))),
            ("10.0.26100", build(26_100, None)),
            ("7601", build(7_601, None)),
            ("10.0", None),
            ("26100.", None),
            ("26100.4349.1", None),
            ("26100.x", None),
            ("5043080", None),
            ("24H2", None),
        ] {
            assert_eq!(read(text).build, is, "{text}");
        }
        for text in ["26100.4349", "26100"] {
            let filter = read(text).build.expect("a build").filter();
            assert!(Filter::parse(&filter).is_ok(), "{filter}");
        }
    }

    #[test]
    fn a_domain_may_follow_a_host_name() {
        let host = read("PC-0001.contoso.com").host;
        assert_eq!(
            host.map(|h| (h.label, h.domain)),
            Some(("PC-0001", "contoso.com"))
        );
        assert_eq!(read("pc.").host.map(|h| h.domain), Some(""));
        for none in [
            "PC-0001",
            ".contoso.com",
            "http://wsus.contoso.com",
            "a b.c",
        ] {
            assert_eq!(read(none).host, None, "{none}");
        }
    }

    #[test]
    fn a_filter_is_one_where_it_names_a_field() {
        for filter in [
            "kind:server",
            "KIND:server",
            "-(tag:pilot or pc)",
            "build>=26100",
            "issue:pending-reboot",
            "state:unknown pc",
        ] {
            assert!(matches!(read(filter).filter, Some(Ok(_))), "{filter}");
        }
        for wrong in ["kind:", "build>x", "(tag:a", "state:maybe"] {
            assert!(matches!(read(wrong).filter, Some(Err(_))), "{wrong}");
        }
        for none in ["pc-1", "http://wsus:8530", "error: 5", "a=b", "not pilot"] {
            assert_eq!(read(none).filter, None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_it_and_its_words_are_its_own(text in ".{0,200}") {
            if let Some(asked) = Asked::read(&text).expect("short") {
                prop_assert!(!asked.text.is_empty() && !asked.words.is_empty());
                prop_assert!(asked.words.len() <= WORDS);
                let lower = text.to_lowercase();
                for word in &asked.words {
                    prop_assert!(lower.contains(word.as_str()));
                }
            }
        }

        #[test]
        fn every_id_of_a_device_and_every_build_comes_back(
            id: u128, number in 1_000_u32..100_000, revision in 0_u32..1_000_000,
        ) {
            let id = Uuid::from_u128(id);
            prop_assert_eq!(read(&id.to_string()).device, Some(id));
            let build = Build { number, revision: Some(revision) };
            prop_assert_eq!(read(&build.written()).build, Some(build));
            prop_assert_eq!(read(&format!("10.0.{}", build.written())).build, Some(build));
        }
    }
}
