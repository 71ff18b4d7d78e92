//! `sickbay-collector explain-error`: what an error code is called, means and asks for. Needs neither server nor state folder.
//!
//! A code is taken in any written form, by its symbolic name, or out of a message or log line, whose words need no quotes. Exit status:
//! 0 something is known of it, 1 nothing is, 64 it was called wrongly, 74 the output could not be written.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Args;
use sickbay_diagnosis::error_code::KnownMessage;
use sickbay_diagnosis::knowledge::{ErrorCode, Explained, Explanation, Knowledge};

use super::inspect::{BAD_OUTPUT, Format, printable};

/// Nothing is known.
const UNKNOWN: u8 = 1;

/// Which code.
#[derive(Debug, Clone, Args)]
pub(super) struct ExplainErrorArgs {
    /// A code in any form (0x8024402C, 8024402C, -2145107924, 2149859372, WU_E_PT_WINHTTP_NAME_NOT_RESOLVED, 10060), or a message with
    /// codes in it.
    #[arg(value_name = "CODE", required = true, allow_negative_numbers = true)]
    words: Vec<String>,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

pub(super) fn run(args: &ExplainErrorArgs) -> ExitCode {
    let text = args.words.join(" ");
    let explanation = Knowledge::built_in().explain(&text);
    let told = match args.format {
        Format::Json => format!("{:#}\n", explanation.to_json()),
        Format::Table => table(&explanation, &text),
    };
    let mut out = io::stdout().lock();
    match out.write_all(told.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let _ = writeln!(io::stderr(), "cannot write the result: {error}");
            ExitCode::from(BAD_OUTPUT)
        }
        _ if explanation.is_known() => ExitCode::SUCCESS,
        _ => ExitCode::from(UNKNOWN),
    }
}

fn table(explanation: &Explanation<'_>, text: &str) -> String {
    let mut out = String::new();
    if let Some(message) = explanation.message {
        known_message(&mut out, message);
    }
    for explained in &explanation.codes {
        if !out.is_empty() {
            out.push('\n');
        }
        code(&mut out, explained);
    }
    if out.is_empty() {
        let _ = writeln!(
            out,
            "There is no error code in {:?}.\nA code looks like 0x8024402C, 8024402C, -2145107924, 2149859372, 10060 or WU_E_NO_SERVICE.",
            printable(text)
        );
    }
    out
}

fn known_message(out: &mut String, message: &KnownMessage) {
    let _ = writeln!(out, "\"{}\"", message.name);
    line(out, "means", message.meaning);
    line(out, "fix", message.fix);
}

fn code(out: &mut String, explained: &Explained<'_>) {
    let name = explained
        .known
        .map_or("is not in the table", |known| &known.name);
    let _ = writeln!(out, "{}  {name}", explained.spelled());
    if let Some(taken_as) = &explained.taken_as {
        line(out, "note", &printable(taken_as));
    }
    if let Some(known) = explained.known {
        line(out, "area", &known.area);
        line(out, "means", &known.meaning);
        line(out, "fix", &known.fix);
    }
    let family = &explained.family;
    // Of a code that is known its number says nothing more, unless it wraps one of the network.
    if explained.known.is_none() || explained.network.is_some() {
        line(out, "family", &family.told());
    }
    if explained.known.is_none() {
        if let Some(nearest) = explained.nearest {
            line(out, "like", &closest(nearest));
        }
        if !family.hint.is_empty() {
            line(out, "look", family.hint);
        }
    }
    let forms = explained.forms();
    let others = forms.iter().skip(1);
    let others: Vec<String> = others
        .map(|form| format!("{} ({})", form.text, form.name))
        .collect();
    if !others.is_empty() {
        line(out, "also", &others.join(", "));
    }
}

/// The code closest to one that the table lacks: it tells the area, if not the meaning.
fn closest(nearest: &ErrorCode) -> String {
    format!(
        "perhaps its neighbour {} {} ({})",
        sickbay_diagnosis::error_code::spelled(nearest.code),
        nearest.name,
        nearest.area
    )
}

fn line(out: &mut String, name: &str, text: &str) {
    let _ = writeln!(out, "  {name:<7} {text}");
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        explain: ExplainErrorArgs,
    }

    fn parsed(words: &[&str]) -> Result<ExplainErrorArgs, clap::Error> {
        let line = ["explain-error"].into_iter().chain(words.iter().copied());
        Cli::try_parse_from(line).map(|cli| cli.explain)
    }

    fn told(text: &str) -> String {
        table(&Knowledge::built_in().explain(text), text)
    }

    #[test]
    fn a_negative_number_and_an_unquoted_message_are_arguments_as_they_stand() {
        assert_eq!(parsed(&["-2145107924"]).unwrap().words, ["-2145107924"]);
        let json = parsed(&["-2145107924", "--format", "json"]).unwrap();
        assert_eq!((json.words.len(), json.format), (1, Format::Json));
        let json = parsed(&["--format", "json", "-2145107924"]).unwrap();
        assert_eq!((json.words.len(), json.format), (1, Format::Json));
        let message = "[HRESULT = 0x800f0831 - CBS_E_STORE_CORRUPTION] -5";
        let words: Vec<&str> = message.split(' ').collect();
        assert_eq!(parsed(&words).unwrap().words.join(" "), message);
        assert!(parsed(&[]).is_err() && parsed(&["--formt", "json"]).is_err());
    }

    #[test]
    fn a_stranger_reads_name_area_meaning_fix_and_every_form() {
        for form in ["-2145107924", "2149859372", "8024402c", "0x8024402CL"] {
            let told = told(form);
            assert!(
                told.starts_with("0x8024402C  WU_E_PT_WINHTTP_NAME_NOT_RESOLVED\n  area    WU protocol\n  means   "),
                "{told}"
            );
            for part in [
                "\n  fix     ",
                "\n  also    8024402C (hexadecimal without 0x), -2145107924 (signed decimal), 2149859372 (unsigned decimal)\n",
            ] {
                assert!(told.contains(part), "{told}");
            }
        }
    }

    #[test]
    fn what_is_in_no_table_is_told_by_its_family_and_so_is_what_a_number_is_taken_for() {
        let told_of = told("0x80244FF0");
        assert!(told_of.starts_with("0x80244FF0  is not in the table\n"));
        assert!(
            told_of.contains("  family  Windows Update agent: ")
                && told_of.contains("(WU protocol)"),
            "{told_of}"
        );
        let timeout = told("10060");
        assert!(
            timeout.contains("  note    10060 is taken for error 10060 of Winsock"),
            "{timeout}"
        );
        assert!(timeout.contains("0x8007274C  WSAETIMEDOUT\n"), "{timeout}");
    }

    #[test]
    fn the_message_about_mux_comes_with_its_number_and_without() {
        let told_of = told("Failed to connect to Mux due to network or cert errors 12175");
        assert!(
            told_of
                .starts_with("\"Failed to connect to Mux\"\n  means   No part of Windows Update"),
            "{told_of}"
        );
        assert!(told_of.contains("\n\n0x80072F8F  ERROR_WINHTTP_SECURE_FAILURE\n"));
        assert!(told("failed to connect to mux").contains("  fix     "));
    }

    #[test]
    fn where_there_is_no_code_it_says_what_one_looks_like_and_steers_no_terminal() {
        let told = told("the\u{1b}[2J update\u{202e} failed");
        assert!(told.contains("There is no error code in"), "{told}");
        assert!(!told.contains(['\u{1b}', '\u{202e}']));
        assert!(told.contains("0x8024402C"));
    }
}
