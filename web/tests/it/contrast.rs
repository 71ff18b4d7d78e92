//! Colours of the style sheet against WCAG 2.2 AA: 4.5:1 for text, 3:1 for what marks a control.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use sickbay_web::asset;

/// The style sheet, as pages name it.
pub(crate) static CSS: LazyLock<String> = LazyLock::new(|| {
    let style = asset::all().find(|asset| asset.content_type.starts_with("text/css"));
    let style = style.expect("a style sheet");
    String::from_utf8(style.bytes.to_vec()).expect("UTF-8")
});

/// The custom properties of the block that begins with `selector`.
fn colours(selector: &str) -> BTreeMap<&'static str, f64> {
    let block = CSS
        .split(selector)
        .nth(1)
        .unwrap()
        .split('}')
        .next()
        .unwrap();
    block
        .lines()
        .filter_map(|line| {
            let (name, value) = line.trim().strip_prefix("--")?.split_once(": #")?;
            Some((name, luminance(value.trim_end_matches(';'))))
        })
        .collect()
}

/// Relative luminance of `rrggbb`.
fn luminance(hex: &str) -> f64 {
    let channel = |at: usize| {
        let value = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
        if value <= 0.040_45 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
}

fn ratio(a: f64, b: f64) -> f64 {
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

const THEMES: [&str; 3] = [
    "\n:root {\n  color-scheme: light;",
    ":root:not([data-theme=\"light\"]) {",
    "\n:root[data-theme=\"dark\"] {",
];

#[test]
fn every_text_can_be_read_on_everything_it_stands_on() {
    for theme in THEMES {
        let colour = colours(theme);
        let mut pairs = vec![("on-accent", "accent"), ("accent", "accent-soft")];
        for text in ["text", "muted", "link"] {
            let grounds = [
                "page",
                "surface",
                "sunken",
                "serious-soft",
                "warning-soft",
                "unknown-soft",
                "healthy-soft",
                "accent-soft",
            ];
            pairs.extend(grounds.map(|ground| (text, ground)));
        }
        for state in ["serious", "warning", "unknown", "healthy"] {
            pairs.extend(["page", "surface", "sunken"].map(|ground| (state, ground)));
        }
        pairs.extend([
            ("serious", "serious-soft"),
            ("warning", "warning-soft"),
            ("unknown", "unknown-soft"),
            ("healthy", "healthy-soft"),
        ]);
        for (text, ground) in pairs {
            let found = ratio(colour[text], colour[ground]);
            assert!(found >= 4.5, "{theme} --{text} on --{ground}: {found:.2}:1");
        }
        for mark in ["line-strong", "accent"] {
            for ground in ["page", "surface", "sunken"] {
                let found = ratio(colour[mark], colour[ground]);
                assert!(found >= 3.0, "{theme} --{mark} on --{ground}: {found:.2}:1");
            }
        }
    }
}

#[test]
fn dark_is_the_same_whether_the_system_or_a_person_asks_for_it() {
    assert_eq!(colours(THEMES[1]), colours(THEMES[2]));
    assert!(
        colours(THEMES[0]).len() == colours(THEMES[1]).len(),
        "a colour has no dark counterpart"
    );
}

#[test]
fn every_property_that_is_used_is_declared() {
    let declared = CSS
        .split(THEMES[0])
        .nth(1)
        .unwrap()
        .split('}')
        .next()
        .unwrap();
    for used in CSS
        .split("var(--")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
    {
        assert!(declared.contains(&format!("--{used}:")), "--{used}");
    }
}
