//! An event in the XML that Windows renders it as.
//!
//! Taken are the id, the time, the record's number and the values by name, whether they stand in `EventData` or, as servicing's, as
//! elements of their own in `UserData`. Limits: [`VALUES`] values, [`CHARS`] characters each, [`DEPTH`] elements deep. What is no such
//! document is nothing; what it holds besides is passed over.

use sickbay_diagnosis::Time;

use super::told::Event;

/// Most values of an event.
const VALUES: usize = 32;
/// Longest value, in characters.
const CHARS: usize = 512;
/// Most elements inside one another.
const DEPTH: usize = 16;

/// The event that `xml` is; nothing where it has no id or is cut off.
pub(super) fn event(xml: &str) -> Option<Event> {
    let mut event = Event::default();
    let mut has_id = false;
    let mut open: Vec<Element<'_>> = Vec::new();
    let mut rest = xml.trim_start_matches('\u{feff}');
    while let Some((text, after)) = rest.split_once('<') {
        if let Some(element) = open.last_mut() {
            element.text.push_str(&unescaped(text));
        }
        let (tag, behind) = split_tag(after)?;
        rest = behind;
        if tag.starts_with(['?', '!']) {
            continue;
        }
        if let Some(name) = tag.strip_prefix('/') {
            let element = open.pop().filter(|e| e.name == name.trim())?;
            has_id |= take(&mut event, &open, &element);
            if open.is_empty() {
                return has_id.then_some(event);
            }
            continue;
        }
        let element = Element::of(tag.trim_end_matches('/'));
        if let Some(parent) = open.last_mut() {
            parent.is_leaf = false;
        }
        if tag.ends_with('/') {
            take(&mut event, &open, &element);
        } else if open.len() < DEPTH {
            open.push(element);
        } else {
            return None;
        }
    }
    None
}

struct Element<'a> {
    name: &'a str,
    attributes: &'a str,
    text: String,
    is_leaf: bool,
}

impl<'a> Element<'a> {
    fn of(tag: &'a str) -> Self {
        let (name, attributes) = tag
            .split_once(|c: char| c.is_ascii_whitespace())
            .unwrap_or((tag, ""));
        Self {
            name,
            attributes,
            text: String::new(),
            is_leaf: true,
        }
    }

    /// The attribute of that name. Windows writes them between single quotes, others between double ones.
    fn attribute(&self, wanted: &str) -> Option<String> {
        let mut rest = self.attributes;
        while let Some((name, after)) = rest.split_once('=') {
            let after = after.trim_start();
            let quote = after.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
            let (value, behind) = after.get(1..)?.split_once(quote)?;
            if name.trim() == wanted {
                return Some(unescaped(value));
            }
            rest = behind;
        }
        None
    }
}

/// Takes over what an element says, given those around it. Returns whether it was the id.
fn take(event: &mut Event, around: &[Element<'_>], element: &Element<'_>) -> bool {
    let inside = |place: usize| around.get(place).map(|e| e.name);
    let text = element.text.trim();
    match (inside(1), element.name) {
        (Some("System"), "EventID") => match text.parse() {
            Ok(id) => {
                event.id = id;
                return true;
            }
            Err(_) => return false,
        },
        (Some("System"), "EventRecordID") => event.record = text.parse().unwrap_or(0),
        (Some("System"), "TimeCreated") => {
            event.at = element
                .attribute("SystemTime")
                .and_then(|text| Time::parse_loose(&text));
        }
        (Some("EventData"), "Data") => {
            if let Some(name) = element.attribute("Name") {
                put(event, &name, text);
            }
        }
        (Some("UserData"), name) if element.is_leaf && around.len() > 2 => put(event, name, text),
        _ => {}
    }
    false
}

fn put(event: &mut Event, name: &str, value: &str) {
    if event.values.len() < VALUES {
        let cut = |text: &str| text.chars().take(CHARS).collect::<String>();
        event.values.insert(cut(name), cut(value));
    }
}

/// A tag up to its end, which a quoted attribute does not contain, and what comes after.
fn split_tag(text: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    for (place, c) in text.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '>' => return Some((text.get(..place)?, text.get(place + 1..)?)),
            None if matches!(c, '\'' | '"') => quote = Some(c),
            None => {}
        }
    }
    None
}

/// A text with its entities replaced; what is none stays as it is.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let entity = after
            .split_once(';')
            .and_then(|(name, behind)| Some((character(name)?, behind)));
        if let Some((character, behind)) = entity {
            out.push(character);
            rest = behind;
        } else {
            out.push('&');
            rest = after;
        }
    }
    out + rest
}

fn character(entity: &str) -> Option<char> {
    match entity {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = entity.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FAILED: &str = "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>\
        <Provider Name='Microsoft-Windows-WindowsUpdateClient' Guid='{945a8954-c147-4acd-923f-40c45405a658}'/>\
        <EventID>20</EventID><Version>1</Version><TimeCreated SystemTime='2026-11-12T03:14:15.926535800Z'/>\
        <EventRecordID>4711</EventRecordID><Channel>System</Channel><Security UserID='S-1-5-18'/></System>\
        <EventData><Data Name='errorCode'>0x80240017</Data><Data Name='updateTitle'>A &amp; B &lt;x&gt; &#x2013;</Data>\
        <Data Name='updateGuid'>{8A41}</Data><Data>nameless</Data></EventData></Event>";

    #[test]
    fn values_are_taken_by_name() {
        let event = event(FAILED).expect("it is an event");
        assert_eq!((event.id, event.record), (20, 4711));
        assert_eq!(
            event.at.map(|at| at.to_string()).as_deref(),
            Some("2026-11-12T03:14:15.926Z")
        );
        assert_eq!(event.values["updateTitle"], "A & B <x> \u{2013}");
        assert_eq!(event.values["errorCode"], "0x80240017");
        assert_eq!(event.values.len(), 3);
    }

    #[test]
    fn servicing_writes_its_values_as_elements() {
        let event = event(
            "<Event><System><EventID Qualifiers='0'>1015</EventID></System><UserData><CbsCorruption xmlns='x'>\
             <errorCode>0x800F081F</errorCode><totalCorruption>4</totalCorruption></CbsCorruption></UserData></Event>",
        )
        .expect("it is an event");
        assert_eq!(event.values["totalCorruption"], "4");
        assert_eq!(event.values.len(), 2);
    }

    #[test]
    fn what_is_cut_off_or_crooked_is_no_event() {
        for at in 0..FAILED.len() {
            if FAILED.is_char_boundary(at) {
                assert_eq!(event(&FAILED[..at]), None, "{at}");
            }
        }
        for crooked in [
            "<Event><System></Event></System>",
            "<Event><System><EventID>many</EventID></System></Event>",
            "<Event/>",
            "<<>>",
            &"<a>".repeat(100_000),
        ] {
            assert_eq!(event(crooked), None);
        }
    }

    #[test]
    fn an_event_does_not_grow_with_what_is_put_in() {
        let data = "<Data Name='n'>".to_owned() + &"x".repeat(100_000) + "</Data>";
        let many: Vec<String> = (0..1_000)
            .map(|n| format!("<Data Name='n{n}'>1</Data>"))
            .collect();
        let many = many.concat();
        let xml = format!(
            "<Event><System><EventID>1</EventID></System><EventData>{data}{many}</EventData></Event>"
        );
        let event = event(&xml).expect("it is an event");
        assert_eq!(event.values.len(), VALUES);
        assert_eq!(event.values["n"].len(), CHARS);
    }

    proptest! {
        #[test]
        fn no_document_makes_it_panic(xml in "(<[/?!]?(Event|System|Data|a)( Name=['\"]?x['\"]?)?/?>|&#?x?[0-9a-z]{0,9};?|.){0,40}") {
            let _ = event(&xml);
        }
    }
}
