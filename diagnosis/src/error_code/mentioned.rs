//! Codes inside of longer texts: log lines, messages, what somebody pasted.
//!
//! A log is full of numbers, so that what counts as a code there is stricter than where a text is a code as a whole: eight hexadecimal
//! digits with `0x`, or with a leading 8 or C; decimal ones of a family that is known; bare numbers of Win32, Winsock, WinHTTP and HTTP
//! only behind a word such as *error*. A GUID is no code.

use super::family::Family;
use super::meant::Meant;
use super::number::{Kind, Number};
use super::written::{Notation, read};

/// Codes of one text at most; a whole log is read elsewhere.
pub const CODES_OF_A_TEXT: usize = 16;

/// What a text says: a message that is known as such, and the codes that it mentions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mentioned {
    /// The message.
    pub message: Option<&'static KnownMessage>,
    /// The codes, each once: in the order of the text, but the one beside a known message first.
    pub codes: Vec<Meant>,
}

/// A message that is known by its words.
#[derive(Debug, PartialEq, Eq)]
pub struct KnownMessage {
    /// By which words, in small letters.
    words: &'static str,
    /// What it is called.
    pub name: &'static str,
    /// What is known of it.
    pub meaning: &'static str,
    /// What to do about it.
    pub fix: &'static str,
}

/// Fact sheet section 10.
static MUX: KnownMessage = KnownMessage {
    words: "connect to mux",
    name: "Failed to connect to Mux",
    meaning: "No part of Windows Update is known to write this message, although it is quoted for downloads of WSUS and Configuration \
              Manager that fail. Word for word it stands in Microsoft's documentation of the Software Load Balancer of software-defined \
              networks, where the Mux is a multiplexer and its companions are CertificateNotTrusted and CertificateNotAuthorized; most \
              likely it was pasted from there by mistake. What counts is the number beside it, taken for one of Winsock or WinHTTP.",
    fix: "Do not look for it in update logs. Go by the code beside it; where there is none, by the error of the download itself (event 31 \
          of WindowsUpdateClient, ReportingEvents.log), and check name, port, proxy and certificate on the way to the update server.",
};

const MESSAGES: &[&KnownMessage] = &[&MUX];

/// What a bare number is, by the words before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Introduced {
    /// An error of anything that numbers its errors.
    Any,
    /// An error of Win32, Winsock or WinHTTP, and no status of HTTP.
    System,
    /// A status of HTTP.
    Http,
}

/// Words that introduce a number.
const INTRODUCING: &[(&str, Introduced)] = &[
    ("error", Introduced::Any),
    ("errorcode", Introduced::Any),
    ("code", Introduced::Any),
    ("errno", Introduced::System),
    ("gle", Introduced::System),
    ("getlasterror", Introduced::System),
    ("lasterror", Introduced::System),
    ("hr", Introduced::System),
    ("hresult", Introduced::System),
    ("exit", Introduced::System),
    ("exitcode", Introduced::System),
    ("return", Introduced::System),
    ("returned", Introduced::System),
    ("win32", Introduced::System),
    ("winhttp", Introduced::System),
    ("winsock", Introduced::System),
    ("http", Introduced::Http),
    ("status", Introduced::Http),
    ("statuscode", Introduced::Http),
];
/// Words that may stand between such a word and its number.
const BETWEEN: &[&str] = &["is", "was", "with", "number", "value"];
/// How many words before a number are looked at.
const WORDS_BEFORE: usize = 4;

/// Says what a text mentions. `named` knows codes by their symbolic names.
pub fn mentioned(text: &str, named: impl Fn(&str) -> Option<u32>) -> Mentioned {
    // Documents print a minus sign or another dash where Windows writes a hyphen.
    let text = text.replace(['\u{2212}', '\u{2010}', '\u{2011}', '\u{2013}'], "-");
    let small = text.to_ascii_lowercase();
    let known = MESSAGES
        .iter()
        .find_map(|message| Some((*message, small.find(message.words)?)));
    let words = words(&text);
    let mut found: Vec<(usize, Meant)> = Vec::new();
    for (place, word) in words.iter().enumerate() {
        if let Some(meant) = code(word, &named).or_else(|| number(&words, place)) {
            found.push((word.start, meant));
        }
    }
    if let Some((message, start)) = known {
        let end = start + message.words.len();
        // A word may begin inside of the message: `_` joins `Mux_80072EE2` to one.
        let beside = |at: usize| at.saturating_sub(end).max(start.saturating_sub(at));
        let network = words
            .iter()
            .filter_map(|word| Some((word.start, network(word)?)));
        let nearest = network.min_by_key(|(at, _)| beside(*at));
        found.extend(nearest);
        found.sort_by_key(|(at, _)| beside(*at));
    }
    let mut codes: Vec<Meant> = Vec::new();
    for (_, meant) in found {
        if codes.len() < CODES_OF_A_TEXT && codes.iter().all(|had| had.code != meant.code) {
            codes.push(meant);
        }
    }
    Mentioned {
        message: known.map(|(message, _)| message),
        codes,
    }
}

/// The first code of a text that stands there in its one spelling, as causes and summaries have it.
pub fn spelled_in(text: &str) -> Option<&str> {
    words(text).into_iter().map(|word| word.text).find(|word| {
        word.strip_prefix("0x").is_some_and(|digits| {
            let of_spelling = |b: u8| b.is_ascii_digit() || (b'A'..=b'F').contains(&b);
            digits.len() == 8 && digits.bytes().all(of_spelling)
        })
    })
}

/// Letters, digits and underscores that stand together.
#[derive(Debug, Clone, Copy)]
struct Word<'a> {
    text: &'a str,
    start: usize,
    /// Whether a minus belongs to it.
    is_negative: bool,
}

fn words(text: &str) -> Vec<Word<'_>> {
    let bytes = text.as_bytes();
    let is_of_word = |at: usize| bytes.get(at).is_some_and(|b| is_of_word(*b));
    let mut words = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if !is_of_word(at) {
            at += 1;
            continue;
        }
        if is_guid(&bytes[at..]) {
            at += GUID.len();
            continue;
        }
        // Visual Basic's `&H` is no part of the number.
        if matches!(bytes[at], b'H' | b'h') && at > 0 && bytes[at - 1] == b'&' {
            at += 1;
        }
        let start = at;
        while is_of_word(at) {
            at += 1;
        }
        if at == start {
            continue;
        }
        let minus = start.checked_sub(1).filter(|before| bytes[*before] == b'-');
        let is_negative = minus.is_some_and(|minus| minus == 0 || !is_of_word(minus - 1));
        words.push(Word {
            text: &text[start..at],
            start,
            is_negative,
        });
    }
    words
}

const fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

const GUID: &[u8] = b"xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

fn is_guid(bytes: &[u8]) -> bool {
    bytes.len() >= GUID.len()
        && GUID.iter().zip(bytes).all(|(form, byte)| match form {
            b'-' => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// The code that a word is by itself.
fn code(word: &Word<'_>, named: &impl Fn(&str) -> Option<u32>) -> Option<Meant> {
    if let Some(code) = named(word.text) {
        return Some(Meant::of(code));
    }
    // As in WindowsUpdate_80072EE2.
    let last = word.text.rsplit('_').next().unwrap_or(word.text);
    let (number, notation) = read(last)?;
    let is_failure = |number: u32| number & 0x8000_0000 != 0;
    match notation {
        // Flags, handles and sizes are written so, too, but with other numbers or fewer digits.
        Notation::Hexadecimal => {
            let is_code = is_failure(number) || Family::of(number).has_neighbours;
            (is_code && last.len() >= "0x00000000".len()).then(|| Meant::by(last))?
        }
        Notation::BareHexadecimal => {
            let leads = last.starts_with(['8', 'c', 'C']) || last.len() == 16;
            let has_digit = last.bytes().any(|b| b.is_ascii_digit());
            (leads && has_digit && is_failure(number)).then(|| Meant::by(last))?
        }
        Notation::Decimal => {
            let signed = format!("-{last}");
            let written = if word.is_negative { &signed } else { last };
            let (number, _) = read(written)?;
            (is_failure(number) && Family::of(number).is_known).then(|| Meant::of(number))
        }
    }
}

/// The bare number that the word at `place` is, behind one that introduces it.
fn number(words: &[Word<'_>], place: usize) -> Option<Meant> {
    let word = &words[place];
    let before = &words[..place];
    let Some(introduced) = introduced(before) else {
        // Many things fail a number of times, but seldom so often as the network's errors are numbered.
        let failed = before.last()?.text.eq_ignore_ascii_case("failed");
        return failed.then(|| network(word))?;
    };
    let (value, notation) = value(word)?;
    let number = match introduced {
        // No status of HTTP is written in hexadecimal.
        Introduced::Any if notation == Notation::Decimal => Number::bare(value),
        Introduced::Any | Introduced::System => Number::of_system(value),
        Introduced::Http => Number::bare(value)
            .filter(|n| n.kind == Kind::HttpStatus && notation == Notation::Decimal),
    }?;
    Some(Meant::by_number(word.text, number))
}

/// A number of Winsock or WinHTTP, whatever stands before it.
fn network(word: &Word<'_>) -> Option<Meant> {
    let number = Number::of_network(value(word)?.0)?;
    Some(Meant::by_number(word.text, number))
}

/// The bare number that a word is, in decimal or behind `0x`.
fn value(word: &Word<'_>) -> Option<(u32, Notation)> {
    let is_decimal = word.text.bytes().all(|b| b.is_ascii_digit());
    if word.is_negative {
        return None;
    }
    if is_decimal {
        return Some((word.text.parse().ok()?, Notation::Decimal));
    }
    read(word.text).filter(|(_, notation)| *notation == Notation::Hexadecimal)
}

/// What the last of these words introduce: "HTTP error" and "exit code" say more than their second word alone.
fn introduced(words: &[Word<'_>]) -> Option<Introduced> {
    let mut introduced = None;
    let mut after_with = false;
    for word in words.iter().rev().take(WORDS_BEFORE) {
        let is = |other: &str| word.text.eq_ignore_ascii_case(other);
        if let Some((_, by)) = INTRODUCING.iter().find(|(text, _)| is(text)) {
            if introduced.is_none() || *by != Introduced::Any {
                introduced = Some(*by);
            }
        } else if is("failed") && after_with {
            return introduced.or(Some(Introduced::Any));
        } else if !BETWEEN.iter().any(|text| is(text)) {
            break;
        }
        after_with |= is("with");
    }
    introduced
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn codes(text: &str) -> Vec<u32> {
        let named = |name: &str| (name == "CBS_E_STORE_CORRUPTION").then_some(0x800F_0831);
        mentioned(text, named)
            .codes
            .into_iter()
            .map(|meant| meant.code)
            .collect()
    }

    #[test]
    fn a_code_is_found_in_what_people_paste() {
        for (text, wanted) in [
            ("Error code: 0x80070643", 0x8007_0643),
            ("There were problems (0x80070005), try again", 0x8007_0005),
            (
                "[HRESULT = 0x800f0831 - CBS_E_STORE_CORRUPTION]",
                0x800F_0831,
            ),
            ("it says CBS_E_STORE_CORRUPTION there", 0x800F_0831),
            ("WindowsUpdate_80072EE2 WindowsUpdate_dt000", 0x8007_2EE2),
            (
                "Installation Failure: error 80240022 of KB5034441",
                0x8024_0022,
            ),
            ("hr=-2145107924, phase=3", 0x8024_402C),
            ("ended \u{2212}2145107924", 0x8024_402C),
            ("HResult 2149859372 of 2026-11-20", 0x8024_402C),
            ("FATAL: SyncUpdates failed with hr 8024402c", 0x8024_402C),
            ("Err.Number = &H80070005", 0x8007_0005),
            ("WinHttp: failed with 12029.", 0x8007_2EFD),
            ("connect error 10060 after 21 s", 0x8007_274C),
            ("MSI exit code 1603", 0x8007_0643),
            ("HTTP status code: 503", 0x8019_01F7),
            ("HTTP error 404", 0x8019_0194),
            ("Error 0x00000490", 0x8007_0490),
            ("error=0x5, once more", 0x8007_0005),
            ("Error 0x643", 0x8007_0643),
            ("Error 0x194", 0x8007_0194),
            ("WinHttpSendRequest failed 12175", 0x8007_2F8F),
            ("it failed (0x2EE2)", 0x8007_2EE2),
            ("Exit status 500", 0x8007_01F4),
            ("Restart needed: 0x00240005", 0x0024_0005),
            ("0xC1900101 - 0x20017", 0xC190_0101),
        ] {
            assert_eq!(codes(text), [wanted], "{text}");
        }
        assert_eq!(
            codes("Error: 0x00000005[gle=0x00000002]"),
            [0x8007_0005, 0x8007_0002]
        );
        assert_eq!(
            codes("0x80240022, 0x80070643 and 0x80240022 again"),
            [0x8024_0022, 0x8007_0643]
        );
    }

    #[test]
    fn the_numbers_of_a_log_are_no_codes() {
        for text in [
            "",
            "2026/11/20 10:06:01.1234567 1060  12040 Agent  *FAILED* nothing",
            "{80244022-1234-4321-abcd-80070005abcd}",
            "KB5034441 10.0.26100.4351, 1699999999 bytes, 3000000000 more",
            "flags 0x00000001, handle 0x20017, result ok",
            "HTTP 1, error 0, exit code 0, gle=0x0",
            "failed 12 times, 0x643 bytes, HTTP 0x194",
            "failed 3 times of 404",
            "deadbeef cafebabe Coffee01",
        ] {
            assert!(codes(text).is_empty(), "{text}: {:x?}", codes(text));
        }
    }

    #[test]
    fn the_message_about_mux_is_known_and_the_number_beside_it_is_a_networks() {
        for (text, wanted) in [
            (
                "Failed to connect to Mux due to network or cert errors 12175",
                12175,
            ),
            (
                "10060: failed to CONNECT TO MUX due to network errors",
                10060,
            ),
            ("1060 12040 x Failed to connect to Mux: 11001", 11001),
            ("Failed to connect to Mux (0x80072EE2)", 12002),
            ("Failed to connect to Mux: 0x2F8F", 12175),
            ("Failed to connect to Mux_80072EE2 error 0x80070005", 12002),
            ("Failed to connect to Mux due to cert errors (12188)", 12188),
            ("error 5: connect to mux (12002)", 12002),
        ] {
            let mentioned = mentioned(text, |_| None);
            let message = mentioned.message.unwrap_or_else(|| panic!("{text}"));
            assert!(message.meaning.contains("Load Balancer"));
            assert_eq!(mentioned.codes[0].code, 0x8007_0000 | wanted, "{text}");
        }
        let alone = mentioned(
            "Failed to connect to Mux due to network or cert errors",
            |_| None,
        );
        assert!(alone.message.is_some() && alone.codes.is_empty());
        assert_eq!(
            mentioned("connect to Max 12002", |_| None),
            Mentioned::default()
        );
    }

    #[test]
    fn only_the_one_spelling_is_found_for_links() {
        assert_eq!(
            spelled_in("KB5034441: 0x8024402C (WU_E_X: y)"),
            Some("0x8024402C")
        );
        for text in ["40667045", "0x8024402c", "8024402C", "a0x8024402C", ""] {
            assert_eq!(spelled_in(text), None, "{text}");
        }
    }

    /// What may stand around a code. Blanks keep it from becoming part of the code: a letter beside it would, and a minus, too.
    fn noise() -> impl Strategy<Value = String> {
        "[ -~\u{a0}-\u{ff}\u{2212}東]{0,40}".prop_map(|text| format!(" {text} "))
    }

    /// What texts about errors are made of, put together at random and without blanks between.
    fn pieces() -> impl Strategy<Value = String> {
        let fixed = prop::sample::select(vec![
            "connect to mux",
            "Failed to connect to MUX",
            "_",
            "-",
            "&H",
            "0x",
            "L",
            " ",
            ".",
            "error",
            "failed with",
            "HTTP",
            "gle=",
            "80240022-1234-4321-abcd-80070005abcd",
            "CBS_E_STORE_CORRUPTION",
            "東",
            "\u{2212}",
            "ß",
        ]);
        let code = (any::<u32>(), 0..6_u8).prop_map(|(code, form)| match form {
            0 => format!("0x{code:08X}"),
            1 => format!("{code:x}"),
            2 => code.cast_signed().to_string(),
            3 => code.to_string(),
            4 => (code & 0x3FFF).to_string(),
            _ => format!("{:#x}", code & 0x3FFF),
        });
        prop::collection::vec(prop_oneof![fixed.prop_map(str::to_owned), code], 0..12)
            .prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn no_text_of_such_pieces_breaks_it(text in pieces()) {
            let mentioned = mentioned(&text, |name| (name == "CBS_E_STORE_CORRUPTION").then_some(0x800F_0831));
            prop_assert!(mentioned.codes.len() <= CODES_OF_A_TEXT);
        }

        #[test]
        fn no_text_breaks_it(text in ".{0,200}") {
            let mentioned = mentioned(&text, |_| None);
            prop_assert!(mentioned.codes.len() <= CODES_OF_A_TEXT);
        }

        #[test]
        fn noise_around_a_code_does_not_hide_it(
            before in noise(),
            code in 0x8000_0000_u32..,
            form in 0..3_u8,
            after in noise(),
        ) {
            let text = match form {
                0 => format!("{before}0x{code:08X}{after}"),
                1 => format!("{before}({code:#x}){after}"),
                _ => format!("{before}hr=0x{code:08x}L.{after}"),
            };
            let all = codes(&text);
            prop_assert!(all.contains(&code) || all.len() == CODES_OF_A_TEXT, "{} {:?}", text, all);
        }
    }
}
