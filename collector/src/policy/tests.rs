use sickbay_diagnosis::reading::Data;

use super::*;
use crate::host::recording::{Description, Recording, Registry};

fn policy(values: &[(&str, &str, Data)]) -> Policy {
    let mut registry = Registry::new();
    registry.create_key(r"HKLM\SOFTWARE");
    for (key, name, data) in values {
        registry.set_value(key, name, data.clone());
    }
    Policy::of(&Recording::new(registry, Description::default()))
}

fn text(text: &str) -> Data {
    Data::Text(text.to_owned())
}

#[test]
fn nothing_is_set_on_a_machine_that_nobody_set_up_and_nothing_is_wrong() {
    let found = policy(&[]);
    let nothing = Policy {
        allow_bundles: true,
        ..Policy::default()
    };
    assert_eq!(found, nothing);
    assert_eq!(found.log_level(), "info");
}

#[test]
fn group_policy_wins_value_by_value_over_what_the_installer_left() {
    let urls = Data::MultiText(vec!["https://a.example:7443".to_owned(), String::new()]);
    let found = policy(&[
        (POLICY_KEY, SERVER_URLS, urls),
        (LOCAL_KEY, SERVER_URLS, text("https://b.example:7443")),
        (LOCAL_KEY, ENROLMENT_TOKEN, text(" token ")),
    ]);
    assert_eq!(found.server_urls.len(), 1);
    assert_eq!(found.server_urls[0].to_string(), "https://a.example:7443");
    assert_eq!(found.token.as_deref(), Some("token"));
    assert_eq!(found.origin(SERVER_URLS), Some(Origin::Policy));
    assert_eq!(found.origin(ENROLMENT_TOKEN), Some(Origin::Local));
    assert_eq!(found.origin(TAGS), None);
}

#[test]
fn a_policy_that_was_emptied_leaves_room_for_the_local_value() {
    let found = policy(&[
        (POLICY_KEY, SERVER_URLS, Data::MultiText(Vec::new())),
        (
            LOCAL_KEY,
            SERVER_URLS,
            text("https://b.example:7443; https://c.example:7443,"),
        ),
    ]);
    assert_eq!(found.server_urls.len(), 2);
    assert!(found.problems.is_empty(), "{:?}", found.problems);
}

#[test]
fn one_bad_entry_costs_that_entry_and_says_where_it_stands() {
    let found = policy(&[(
        POLICY_KEY,
        SERVER_URLS,
        text("http://a.example https://b.example:7443"),
    )]);
    assert_eq!(found.server_urls.len(), 1);
    let problem = &found.problems[0];
    assert!(
        problem.starts_with(r"ServerUrls in HKLM\SOFTWARE\Policies\Sickbay\Collector: ")
            && problem.contains("http://a.example")
            && problem.contains("https://HOST:PORT"),
        "{problem}"
    );
}

#[test]
fn a_value_of_the_wrong_type_does_not_let_the_local_one_through() {
    let found = policy(&[
        (POLICY_KEY, PROXY_URL, Data::Dword(1)),
        (LOCAL_KEY, PROXY_URL, text("http://proxy.example:8080")),
    ]);
    assert_eq!(found.proxy, None);
    assert!(
        found.problems[0].contains("must be REG_SZ"),
        "{:?}",
        found.problems
    );
}

#[test]
fn a_number_beyond_its_limits_counts_as_the_nearer_limit() {
    let found = policy(&[(POLICY_KEY, INSPECTION_INTERVAL, Data::Dword(1))]);
    assert_eq!(found.inspection_interval, Some(Duration::from_mins(5)));
    assert!(
        found.problems[0].contains("between 5 and 1440"),
        "{:?}",
        found.problems
    );
}

#[test]
fn a_permission_that_cannot_be_read_is_not_given() {
    let found = policy(&[(POLICY_KEY, ALLOW_BUNDLES, text("no"))]);
    assert!(!found.allow_bundles && found.problems.len() == 1);
    let found = policy(&[(POLICY_KEY, ALLOW_ONLINE_SEARCH, Data::Dword(1))]);
    assert!(found.allow_online_search && found.allow_bundles);
}

#[test]
fn a_level_is_one_of_the_list_in_any_case_of_letters() {
    let level = |text: &str| policy(&[(LOCAL_KEY, LOG_LEVEL, Data::Text(text.to_owned()))]);
    assert_eq!(level("Debug").log_level(), "debug");
    let wrong = level("loud");
    assert_eq!(wrong.log_level(), "info");
    assert!(
        wrong.problems[0].contains("one of error, warn"),
        "{:?}",
        wrong.problems
    );
}

#[test]
fn a_list_without_end_is_refused() {
    let many = vec!["tag".to_owned(); 1_000];
    let found = policy(&[(POLICY_KEY, TAGS, Data::MultiText(many))]);
    assert!(found.tags.is_empty() && found.problems.len() == 1);
}
