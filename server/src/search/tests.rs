use std::collections::BTreeSet;

use axum::http::Method;

use super::*;

fn hit(is_named: bool) -> Hit {
    Hit {
        id: "x".to_owned(),
        title: "x".to_owned(),
        why: String::new(),
        href: "/".to_owned(),
        devices: None,
        is_named,
    }
}

fn found(sections: &[(Kind, &[bool])]) -> Found {
    let sections = sections.iter().map(|(kind, hits)| Section {
        kind: *kind,
        hits: hits.iter().map(|is_named| hit(*is_named)).collect(),
        total: hits.len() as u64,
        all: String::new(),
    });
    Found {
        sections: sections.collect(),
        trouble: None,
    }
}

#[test]
fn every_kind_has_a_heading() {
    for kind in Kind::ALL {
        let name = kind.name();
        assert_ne!(sickbay_web::pages::search::heading(name), name);
    }
}

#[test]
fn only_one_thing_that_is_named_is_gone_to() {
    let goes = |sections: &[(Kind, &[bool])]| {
        let found = found(sections);
        found.straight_to().map(|(kind, _)| kind)
    };
    let named: &[bool] = &[true, false];
    assert_eq!(goes(&[]), None);
    assert_eq!(goes(&[(Kind::Device, &[false])]), None);
    assert_eq!(goes(&[(Kind::Device, named)]), Some(Kind::Device));
    let beside = [(Kind::Device, named), (Kind::Page, &[false][..])];
    assert_eq!(goes(&beside), Some(Kind::Device));
    assert_eq!(goes(&[(Kind::Device, &[true, true])]), None);
    assert_eq!(
        goes(&[(Kind::Update, named), (Kind::ErrorCode, named)]),
        None
    );
    // A build may be meant by the same number.
    assert_eq!(
        goes(&[(Kind::ErrorCode, named), (Kind::Build, &[false])]),
        None
    );
}

#[test]
fn every_kind_is_found_by_its_name() {
    let names: BTreeSet<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
    assert_eq!(names.len(), Kind::ALL.len());
    for kind in Kind::ALL {
        assert_eq!(Kind::named(kind.name()), Some(*kind));
    }
    assert_eq!(Kind::named("nothing"), None);
    assert!(Kind::ALL.is_sorted());
}

#[test]
fn every_page_that_a_person_may_go_to_is_found_by_its_title() {
    // What is shown in answer to something, or has no title of its own.
    const NOT_BY_THEMSELVES: [&str; 5] = [
        links::SEARCH,
        links::SUGGESTIONS,
        links::FLEET_FORM,
        links::SCOPE_FORM,
        "/favicon.ico",
    ];
    let listed: BTreeSet<&str> = super::pages::PAGES
        .iter()
        .map(|(_, href, _)| *href)
        .collect();
    let shown: BTreeSet<&str> = crate::pages::ROUTES
        .iter()
        .filter(|route| route.method == Method::GET && !route.path.contains('{'))
        .map(|route| route.path)
        .filter(|path| !NOT_BY_THEMSELVES.contains(path))
        .collect();
    assert_eq!(listed, shown);
}
