#![expect(clippy::unwrap_used, reason = "tests")]

use std::borrow::Cow;

use proptest::prelude::*;

use super::*;
use crate::verdict::{Cause, Kept};

/// A device with one open and one unknown finding.
struct Device {
    page: Option<&'static str>,
    build: Option<u64>,
    causes: Vec<Cause>,
}

impl Default for Device {
    fn default() -> Self {
        Self {
            page: None,
            build: Some(26_100),
            causes: vec![Cause::new(
                "40667045/NI22H2",
                "Hold 40667045 for Windows 11 22H2",
            )],
        }
    }
}

impl Subject for Device {
    fn texts(&self, field: TextField) -> Vec<Cow<'_, str>> {
        match field {
            TextField::Name => vec!["BER-KIOSK-07".into()],
            TextField::Ou => vec!["OU=Kiosks,OU=Berlin,DC=corp,DC=example".into()],
            TextField::Tag => vec!["pilot".into(), "floor 3".into()],
            TextField::Release => vec!["Windows 11 24H2".into()],
            _ => vec!["".into()],
        }
    }

    fn number(&self, field: NumberField) -> Option<u64> {
        match field {
            NumberField::Build => self.build,
            NumberField::Ubr => None,
        }
    }

    fn findings(&self) -> Vec<FindingView<'_>> {
        let held = FindingView {
            issue: "safeguard-hold",
            state: Kept::Open,
            causes: &self.causes,
        };
        let restart = FindingView {
            issue: "pending-reboot",
            state: Kept::Unknown,
            causes: &[],
        };
        vec![held, restart]
    }

    fn issue_in_question(&self) -> Option<&str> {
        self.page
    }
}

fn holds(text: &str, device: &Device) -> bool {
    Filter::parse(text).unwrap().matches(device)
}

#[track_caller]
fn assert_holds(yes: &[&str], no: &[&str], device: &Device) {
    for text in yes {
        assert!(holds(text, device), "{text} should hold");
    }
    for text in no {
        assert!(!holds(text, device), "{text} should not hold");
    }
}

#[test]
fn texts_match_as_a_whole_and_without_regard_to_ascii_case() {
    let yes = [
        "kiosk",
        "Ber-Kiosk-07",
        "name:ber-kiosk-07",
        "name:BER-*-07",
        "BER-*",
        "ou:*ou=berlin*",
        "RELEASE:\"windows 11*\"",
        "tag:pilot tag:\"Floor 3\"",
        "site:\"\"",
        "\"kiosk-07\"",
    ];
    let no = [
        "name:kiosk",
        "KIOSK-*",
        "*-KIOSK",
        "tag:floor",
        "ou:Berlin",
        "release:\"Windows 11\"",
        "site:?*",
        "-site:\"\"",
    ];
    assert_holds(&yes, &no, &Device::default());
}

#[test]
fn blanks_bind_more_tightly_than_or() {
    let yes = [
        "nobody kiosk or kiosk",
        "kiosk or kiosk nobody",
        "not nobody or nobody",
        "-(nobody or -kiosk)",
        "",
        "()",
        "kiosk and tag:pilot",
    ];
    let no = [
        "nobody (kiosk or kiosk)",
        "(kiosk or kiosk) nobody",
        "-()",
        "not kiosk or nobody",
        "--nobody",
    ];
    assert_holds(&yes, &no, &Device::default());
}

#[test]
fn an_unknown_number_compares_with_nothing() {
    let known = Device::default();
    assert_holds(
        &[
            "build:26100",
            "build=26100",
            "build>=26100",
            "build<=26100",
            "build<26101",
            "build>26099",
        ],
        &[
            "build<26100",
            "build>26100",
            "build=2610",
            "ubr>=0",
            "ubr<18446744073709551615",
        ],
        &known,
    );
    let unknown = Device {
        build: None,
        ..Device::default()
    };
    assert_holds(
        &["-build>=26100", "-build<26100"],
        &["build>=0", "build<26100"],
        &unknown,
    );
}

#[test]
fn an_issue_test_means_open_findings_only() {
    let device = Device::default();
    assert_holds(
        &["issue:safeguard-hold", "issue:*-hold"],
        &["issue:pending-reboot", "issue:hold"],
        &device,
    );
}

#[test]
fn on_the_page_of_an_issue_cause_and_state_mean_its_own_finding() {
    let anywhere = Device::default();
    assert_holds(
        &["cause:40667045*", "state:open", "state:UNKNOWN"],
        &["cause:40667045"],
        &anywhere,
    );
    let held = Device {
        page: Some("safeguard-hold"),
        ..Device::default()
    };
    assert_holds(
        &["cause:40667045*", "state:open"],
        &["state:unknown"],
        &held,
    );
    let restart = Device {
        page: Some("pending-reboot"),
        ..Device::default()
    };
    assert_holds(
        &["state:unknown", "issue:safeguard-hold"],
        &["cause:*", "state:open"],
        &restart,
    );
}

#[test]
fn errors_name_the_place_and_what_to_write_instead() {
    let cases = [
        (
            "kiosk nam:x",
            7,
            "write one of name, id, domain, ou, site, tag, kind, release, edition, arch, standing, primary, source, build, ubr, issue, cause, state",
        ),
        ("http://pc", 1, "there is no field \"http\""),
        ("tag>=3", 4, "write tag:value instead of tag>=value"),
        ("tag: pilot", 5, "the value of tag is missing"),
        ("issue:", 7, "write issue:pending-reboot"),
        ("build:261*", 7, "write build>=26100"),
        ("build>=+1", 8, "build wants a whole number"),
        ("ubr<18446744073709551616", 5, "write ubr>=4000"),
        ("build >= 3", 7, "\">=\" stands without a field"),
        (
            "state:clear",
            7,
            "write state:open, state:accepted or state:unknown",
        ),
        ("grün \"kiosk", 6, "close it with \""),
        (r#"ou:"a\b""#, 6, r"write \\ for a backslash"),
        ("a \"\"", 3, "an empty word"),
        ("tag:a\"b\"", 6, "put a blank between them"),
        ("a or(b or c)", 5, "put a blank between them"),
        ("not\"a\"", 4, "put a blank between them"),
        ("(a)b", 4, "put a blank between them"),
        ("a or", 5, "a term is missing after \"or\""),
        ("a -", 4, "a term is missing after \"-\""),
        ("(a or )", 7, "a term is missing after \"or\""),
        ("or a", 1, "a term is missing before \"or\""),
        ("a or and b", 6, "a term is missing before \"and\""),
        ("a (b or c", 3, "add )"),
        ("(", 1, "add )"),
        ("a) b", 2, "this parenthesis closes nothing"),
        (")", 1, "this parenthesis closes nothing"),
    ];
    for (text, position, expected) in cases {
        let error = Filter::parse(text).expect_err(text);
        assert_eq!(error.position(), position, "{text}: {error}");
        assert!(error.to_string().contains(expected), "{text}: {error}");
    }
}

#[test]
fn length_and_depth_are_bounded_so_that_no_text_overflows_the_stack() {
    let longest = "a".repeat(MAX_BYTES);
    assert!(Filter::parse(&longest).is_ok());
    let error = Filter::parse(&format!("{longest}a")).unwrap_err();
    assert_eq!(
        *error.problem(),
        Problem::TooLong {
            bytes: MAX_BYTES + 1
        }
    );

    for (open, close) in [("(", ")"), ("-", ""), ("-(", ")")] {
        let levels = MAX_DEPTH / open.len();
        let nested = |n: usize| format!("{}a{}", open.repeat(n), close.repeat(n));
        assert!(Filter::parse(&nested(levels)).is_ok(), "{open}");
        let error = Filter::parse(&nested(levels + 1)).unwrap_err();
        assert_eq!(*error.problem(), Problem::TooDeep, "{open}");
        assert_eq!(error.position(), MAX_DEPTH + 1, "{open}");
    }
    // Siblings are not depth.
    assert!(Filter::parse(&"(-a) ".repeat(MAX_DEPTH * 2)).is_ok());
}

#[test]
fn canonical_text_is_what_a_person_would_type() {
    let cases = [
        ("NAME:*kiosk*   Tag:pilot", "kiosk tag:pilot"),
        ("name:PC-*", "PC-*"),
        ("name:PC-01", "name:PC-01"),
        ("build:0026100 OR not build<1", "build=26100 or -build<1"),
        ("((a b) or c) d", "(a b or c) d"),
        (
            "\"or\" \"-x\" \"a:b\" \"two words\"",
            "\"or\" \"-x\" \"a:b\" \"two words\"",
        ),
        (r#"ou:a\b ou:"a\\b c""#, r#"ou:a\b ou:"a\\b c""#),
        (
            "state:OPEN and -issue:\"pending-reboot\"",
            "state:open -issue:pending-reboot",
        ),
        ("a ()", "a ()"),
    ];
    for (text, canonical) in cases {
        let filter = Filter::parse(text).expect(text);
        assert_eq!(filter.to_string(), canonical);
    }
}

#[test]
fn a_scope_stays_in_force_whatever_is_asked() {
    let scope = || Filter::parse("nobody").unwrap();
    for asked in ["", "kiosk", "kiosk or kiosk", "kiosk kiosk", "-nobody"] {
        let asked = Filter::parse(asked).unwrap();
        assert!(!scope().and(asked.clone()).matches(&Device::default()));
        assert!(!asked.and(scope()).matches(&Device::default()));
    }
    assert_eq!(Filter::Everything.and(scope()), scope());
    assert_eq!(scope().and(Filter::Everything), scope());
}

#[test]
fn a_state_is_found_wherever_it_stands() {
    for (text, names) in [
        ("a (b or -state:open)", true),
        ("a -(b or c)", false),
        ("", false),
    ] {
        assert_eq!(Filter::parse(text).unwrap().names_state(), names, "{text}");
    }
}

fn pattern() -> impl Strategy<Value = Pattern> {
    prop_oneof![
        "[a-zA-Z0-9*\"\\\\ ():=<>.,_-]{0,8}",
        "\\PC{0,4}",
        "\\*[a-z]{0,3}\\*",
        "(?i)or|and|not"
    ]
    .prop_map(Pattern::new)
}

fn test() -> impl Strategy<Value = Test> {
    let compare = prop::sample::select(vec![
        Compare::Equal,
        Compare::Less,
        Compare::AtMost,
        Compare::Greater,
        Compare::AtLeast,
    ]);
    prop_oneof![
        (prop::sample::select(&TextField::ALL), pattern()).prop_map(|(f, p)| Test::Text(f, p)),
        pattern().prop_map(|p| Test::Text(TextField::Name, p)),
        (
            prop::sample::select(&NumberField::ALL),
            compare,
            any::<u64>()
        )
            .prop_map(|(f, c, n)| Test::Number(f, c, n)),
        pattern().prop_map(Test::Issue),
        pattern().prop_map(Test::Cause),
        prop::sample::select(Kept::ALL.to_vec()).prop_map(Test::State),
    ]
}

/// Filters with so many parts in each list: from 2 on, only such as the parser returns.
fn filter(parts: std::ops::Range<usize>) -> impl Strategy<Value = Filter> {
    let leaf = prop_oneof![9 => test().prop_map(Filter::Is), 1 => Just(Filter::Everything)];
    leaf.prop_recursive(4, 24, 3, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), parts.clone()).prop_map(Filter::All),
            prop::collection::vec(inner.clone(), parts.clone()).prop_map(Filter::Any),
            inner.prop_map(|f| Filter::Not(Box::new(f))),
        ]
    })
}

proptest! {
    #[test]
    fn a_printed_filter_parses_back_to_itself(filter in filter(2..4)) {
        let text = filter.to_string();
        prop_assume!(text.len() <= MAX_BYTES);
        prop_assert_eq!(Filter::parse(&text), Ok(filter), "{}", text);
    }

    #[test]
    fn a_filter_put_together_in_code_keeps_its_meaning_in_print(filter in filter(0..4)) {
        let text = filter.to_string();
        prop_assume!(text.len() <= MAX_BYTES);
        let device = Device::default();
        prop_assert_eq!(holds(&text, &device), filter.matches(&device), "{}", text);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,60}") {
        let _ = Filter::parse(&text);
    }

    #[test]
    fn text_that_is_nearly_a_filter_never_panics_and_prints_no_longer_than_it_was(
        tokens in prop::collection::vec((prop::sample::select(vec![
            "(", ")", "-", "not", " not ", " or ", " and ", " ", "\"", "\\", "\"a b\"", "ou:", "build>=", "ubr<", "state:open",
            "issue:", "cause:", "name:", "*", "PC-*", "*x*", "ü", "07", "or", "x",
        ]), prop::sample::select(vec!["", " ", " "])), 0..24),
    ) {
        let text: String = tokens.into_iter().flat_map(|(token, gap)| [token, gap]).collect();
        match Filter::parse(&text) {
            Ok(filter) => {
                let printed = filter.to_string();
                prop_assert!(printed.len() <= text.len(), "{:?} became {:?}", text, printed);
                prop_assert_eq!(Filter::parse(&printed), Ok(filter));
            }
            Err(error) => prop_assert!(error.position() <= text.chars().count() + 1),
        }
    }

    #[test]
    fn wildcards_match_as_the_plain_definition_says(pattern in "[ab*]{0,7}", text in "[abAB]{0,7}") {
        fn defined(pattern: &[u8], text: &[u8]) -> bool {
            match pattern.split_first() {
                None => text.is_empty(),
                Some((b'*', rest)) => (0..=text.len()).any(|n| defined(rest, &text[n..])),
                Some((byte, rest)) => text.split_first().is_some_and(|(first, others)| byte.eq_ignore_ascii_case(first) && defined(rest, others)),
            }
        }
        prop_assert_eq!(Pattern::new(pattern.clone()).matches(&text), defined(pattern.as_bytes(), text.as_bytes()));
    }
}
