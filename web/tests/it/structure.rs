//! What holds for every page, whoever writes the next one.

use std::collections::BTreeSet;

use sickbay_web::{Theme, asset};

use crate::sample::Sample;

fn pages() -> Vec<(&'static str, String)> {
    Sample::new(&str::to_owned, Theme::System).pages()
}

/// Every tag of a page, from `<` to `>`.
fn tags(html: &str) -> impl Iterator<Item = &str> {
    html.split('<')
        .skip(1)
        .filter_map(|rest| rest.split('>').next())
}

/// The values of an attribute.
fn values<'a>(html: &'a str, attribute: &str) -> Vec<&'a str> {
    let before = format!(" {attribute}=\"");
    html.split(&before)
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect()
}

#[test]
fn every_template_is_among_the_pages() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/templates/pages");
    let shown: BTreeSet<String> = pages()
        .iter()
        .map(|(name, _)| (*name).replace('-', "_"))
        .collect();
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let page = name.trim_end_matches(".html");
        assert!(shown.contains(page), "{name} is rendered by no sample");
    }
}

#[test]
fn every_page_has_one_heading_a_language_a_title_and_landmarks() {
    for (name, html) in pages() {
        assert!(html.starts_with("<!doctype html>"), "{name}");
        assert_eq!(
            html.matches("<h1").count(),
            1,
            "{name}: headings of the first rank"
        );
        assert!(html.contains("<html lang=\"en\""), "{name}: language");
        assert!(html.contains(" · Sickbay</title>"), "{name}: title");
        assert_eq!(html.matches("<main id=\"main\"").count(), 1, "{name}: main");
        assert_eq!(html.matches("<footer").count(), 1, "{name}: footer");
        assert!(
            html.contains("<a class=\"skip\" href=\"#main\">"),
            "{name}: skip link"
        );
        assert!(html.contains("name=\"viewport\""), "{name}: viewport");
    }
}

#[test]
fn no_page_needs_more_than_the_content_security_policy_allows() {
    for (name, html) in pages() {
        assert!(!html.contains("<style"), "{name}: inline style");
        for script in html.split("<script").skip(1) {
            let (tag, body) = script.split_once('>').unwrap();
            assert!(
                tag.contains(" src=\"/assets/") && body.starts_with("</script>"),
                "{name}: inline script"
            );
        }
        for tag in tags(&html) {
            for word in tag.split_whitespace().skip(1) {
                let attribute = word.split('=').next().unwrap_or_default();
                assert!(
                    attribute != "style" && !attribute.starts_with("on"),
                    "{name}: <{tag}>"
                );
            }
        }
        for address in values(&html, "src")
            .into_iter()
            .chain(values(&html, "action"))
        {
            assert!(address.starts_with('/'), "{name}: {address} is elsewhere");
        }
        assert!(!html.contains("javascript:"), "{name}");
    }
}

#[test]
fn ids_are_unique_and_labels_and_fragments_lead_somewhere() {
    for (name, html) in pages() {
        let ids = values(&html, "id");
        let unique: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(
            ids.len(),
            unique.len(),
            "{name}: an id is there twice: {ids:?}"
        );
        for attribute in ["aria-labelledby", "aria-describedby", "for"] {
            for target in values(&html, attribute) {
                assert!(
                    unique.contains(target),
                    "{name}: {attribute}={target} leads nowhere"
                );
            }
        }
        for link in values(&html, "href")
            .into_iter()
            .filter_map(|href| href.strip_prefix('#'))
        {
            assert!(
                unique.contains(link) || link.starts_with("v-"),
                "{name}: #{link} leads nowhere"
            );
        }
    }
}

#[test]
fn headings_never_skip_a_rank() {
    for (name, html) in pages() {
        let ranks =
            tags(&html).filter_map(|tag| tag.strip_prefix('h')?.get(..1)?.parse::<u8>().ok());
        let mut last = 0;
        for rank in ranks {
            assert!(rank <= last + 1, "{name}: h{rank} after h{last}");
            last = rank;
        }
    }
}

#[test]
fn every_form_that_changes_something_carries_the_session_token() {
    for (name, html) in pages() {
        for form in html
            .split("<form")
            .skip(1)
            .filter_map(|rest| rest.split("</form>").next())
        {
            // Nobody is signed in yet: where such a form comes from, the browser says.
            let is_outside = ["action=\"/sign-in\"", "action=\"/sign-in/of-account/"];
            if is_outside.iter().any(|action| form.contains(action)) {
                assert!(!form.contains("csrf"), "{name}");
            } else if form.contains("method=\"post\"") {
                assert!(
                    form.contains("name=\"csrf\" value=\"0f3a9c1db2\""),
                    "{name}: a form without it"
                );
            } else {
                assert!(
                    !form.contains("csrf"),
                    "{name}: the token would stand in an address"
                );
            }
        }
    }
}

#[test]
fn every_table_stays_a_table_where_it_is_shown_as_cards() {
    for (name, html) in pages() {
        for tag in tags(&html) {
            let wanted = match tag.split_whitespace().next() {
                Some("table") => "role=\"table\"",
                Some("tr") => "role=\"row\"",
                Some("td") => "role=\"cell\"",
                Some("th") => "role=\"columnheader\"",
                _ => continue,
            };
            assert!(tag.contains(wanted), "{name}: <{tag}>");
        }
        assert_eq!(
            html.matches("<table").count(),
            html.matches("<caption").count(),
            "{name}: captions"
        );
    }
}

#[test]
fn regions_have_ids_by_which_they_are_found_again() {
    let mut regions = BTreeSet::new();
    for (name, html) in pages() {
        for tag in tags(&html).filter(|tag| tag.contains("data-region=")) {
            assert!(tag.contains(" id=\"r-"), "{name}: <{tag}>");
            regions.extend(values(tag, "data-region").into_iter().map(str::to_owned));
        }
    }
    let device = sickbay_web::region::device("019aaf3e-5c1e-7d20-9b1e-3f6a2c4d8e01");
    let issue = sickbay_web::region::issue("safeguard-hold");
    for wanted in [
        "overview",
        "issues",
        "devices",
        issue.as_str(),
        device.as_str(),
    ] {
        assert!(regions.contains(wanted), "no page shows {wanted}");
    }
}

#[test]
fn every_asset_that_a_page_names_exists() {
    for (name, html) in pages() {
        let named = values(&html, "href")
            .into_iter()
            .chain(values(&html, "src"));
        for path in named.filter_map(|address| address.strip_prefix(asset::PREFIX)) {
            assert!(asset(path).is_some(), "{name}: {path}");
        }
    }
}

#[test]
fn the_chosen_theme_is_there_before_any_script_runs() {
    for (theme, word) in [
        (Theme::System, "system"),
        (Theme::Light, "light"),
        (Theme::Dark, "dark"),
    ] {
        let html = Sample::new(&str::to_owned, theme).settings().render();
        assert!(html.contains(&format!("data-theme=\"{word}\"")));
        assert_eq!(Theme::from_cookie(word), theme);
    }
    assert_eq!(Theme::from_cookie("\"><script>"), Theme::System);
}

/// Boxes that are reached in their templates, because they scroll nearly always.
const REACHED_BY_TEMPLATE: [(&str, &str, &str); 2] = [
    (
        ".figures-table .scroll",
        include_str!("../../templates/components/chart.html"),
        "class=\"scroll\" tabindex=\"0\"",
    ),
    (
        ".answer",
        include_str!("../../templates/pages/api.html"),
        "class=\"answer\" tabindex=\"0\"",
    ),
];

/// Text of devices is never cut, so what is long scrolls in its box; without a mouse one has to come there too.
#[test]
fn every_box_that_scrolls_by_itself_is_one_that_the_keyboard_reaches() {
    let scrolls = crate::contrast::CSS
        .lines()
        .filter(|line| line.contains("overflow: auto"));
    let boxes: BTreeSet<&str> = scrolls
        .filter_map(|line| line.trim().split_once(" {"))
        .map(|(selector, _)| selector)
        .filter(|selector| {
            REACHED_BY_TEMPLATE
                .iter()
                .all(|(known, ..)| known != selector)
        })
        .collect();
    for (selector, template, tag) in REACHED_BY_TEMPLATE {
        assert!(template.contains(tag), "{selector} is not reached");
    }
    let script = include_str!("../../scripts/reach.ts");
    let known = script.split("const BOXES = \"").nth(1).unwrap();
    let known = known.split('"').next().unwrap();
    assert_eq!(boxes, known.split(", ").collect());
}
