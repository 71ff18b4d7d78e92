//! A device may say anything; a page shows it and nothing more.

use sickbay_web::Theme;

use crate::sample::Sample;

/// Markup that would act if it ever reached a page unescaped. Each begins with a marker that our own templates never write.
const MARKUP: [&str; 5] = [
    "<script>alert('zq1')</script>",
    "\"><img src=zq2 onerror=alert(1)>",
    "' onmouseover='zq3' x='",
    "</title></textarea></style><svg/onload=zq4>",
    "{{ zq5 }}{% include \"zq5\" %}&#60;zq5&#62;&lt;zq5&gt;",
];

fn pages(words: &dyn Fn(&str) -> String) -> Vec<(&'static str, String)> {
    let sample = Sample::new(words, Theme::System);
    let mut pages = sample.pages();
    // No page, but what a script puts into one.
    pages.push(("suggestions", sample.suggestions().render()));
    pages
}

fn plain() -> Vec<(&'static str, String)> {
    pages(&str::to_owned)
}

/// The page without its text: names of elements and attributes, in order.
fn skeleton(html: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        let end = tag_end(&rest[start..]);
        names.push(outline(&rest[start..start + end]));
        rest = &rest[start + end..];
    }
    names
}

/// Where the tag that begins `text` ends, past any `>` inside quotes.
fn tag_end(text: &str) -> usize {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            (None, '>') => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// A tag with the values of its attributes taken out.
fn outline(tag: &str) -> String {
    let mut out = String::new();
    let mut quote = None;
    for c in tag.chars() {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            (None, c) => out.push(c),
            _ => {}
        }
    }
    out
}

#[test]
fn markup_from_a_device_adds_no_element_and_no_attribute_to_any_page() {
    for bad in MARKUP {
        // Texts that break lines get more of our own `<wbr>` between their parts; everything else must be as with harmless text.
        let ours = |html: &str| -> Vec<String> {
            let all = skeleton(html).into_iter();
            all.filter(|tag| tag != "<wbr>").collect()
        };
        for ((name, clean), (_, dirty)) in plain().iter().zip(pages(&|text| format!("{text}{bad}")))
        {
            assert_eq!(ours(clean), ours(&dirty), "{name} with {bad}");
            assert!(!dirty.contains(bad), "{name} shows {bad} raw");
        }
    }
}

#[test]
fn every_page_that_shows_a_device_really_was_given_the_hostile_text() {
    for (name, html) in pages(&|text| format!("{text}<zq>")) {
        assert!(
            html.contains("&#60;zq&#62;"),
            "{name} shows no text of a device, so the test above proves nothing"
        );
    }
}

#[test]
fn terminal_escapes_and_direction_marks_become_visible() {
    for (name, html) in
        pages(&|text| format!("{text}\u{1b}[31m\u{202e}gnp.exe\u{0}\u{85}\u{200b}\r"))
    {
        let hidden: Vec<char> = html
            .chars()
            .filter(|c| {
                (c.is_control() && *c != '\n')
                    || matches!(c, '\u{202a}'..='\u{202e}' | '\u{200b}'..='\u{200f}')
            })
            .collect();
        // A form gives back what was typed, exactly; browsers show the value of an input as text only.
        let allowed = if html.contains("name=\"filter\"")
            || html.contains("name=\"csrf\"")
            || html.contains("name=\"device\"")
        {
            fields(&html)
        } else {
            Vec::new()
        };
        for c in &hidden {
            assert!(
                allowed.contains(c),
                "{name} holds U+{:04X} raw outside of a form field",
                u32::from(*c)
            );
        }
        assert!(
            html.contains("␛[31m[U+202E]gnp.exe␀[U+0085][U+200B]␍"),
            "{name} does not show what it was sent"
        );
    }
}

/// Characters in values of form fields and in ids, which nobody reads.
fn fields(html: &str) -> Vec<char> {
    let values = html
        .split("value=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next());
    let ids = html
        .split("id=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next());
    values.chain(ids).flat_map(str::chars).collect()
}

#[test]
fn ten_thousand_characters_stay_whole_and_inside_an_element_that_isolates_them() {
    let long = "W".repeat(10_000);
    for (name, html) in pages(&|text| format!("{text}{long}")) {
        assert!(html.contains(&long), "{name} cuts what a device said");
        // The other pages show what the server says, or give back what was typed.
        if matches!(
            name,
            "overview" | "issue" | "devices" | "device" | "enrolment"
        ) {
            assert!(html.contains("<bdi"), "{name} isolates nothing");
        }
    }
}

#[test]
fn the_skeleton_sees_what_an_attack_would_add() {
    let clean = skeleton("<p title=\"a>b\">x</p>");
    assert_eq!(clean, ["<p title=>", "</p>"]);
    assert_ne!(clean, skeleton("<p title=\"a\" onclick=\"b\">x</p>"));
    assert_ne!(clean, skeleton("<p title=\"a>b\"><b>x</p>"));
}
