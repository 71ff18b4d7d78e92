//! The page about every issue, `docs/issues.md`, from the same constants as the product, so that it never tells anything else.

use std::fmt::Write as _;

use super::ALL;
use crate::expectation::{Expectations, KbList};
use crate::issue::{FixStep, Issue, Teller};
use crate::knowledge::DeviceKind;
use crate::time::{DAY_MS, MINUTE_MS};

const INTRO: &str = "# Issues

What Sickbay finds on a device that does not get the updates it should. This page is made from the issues themselves; a test compares
it with them and says how to make it anew.

Each issue has one of four answers on each device: *open* (the device has it), *clear* (it was looked at and is good), *unknown* (it
could not be told, with the reason) and *not-applicable* (the question does not arise, with the reason). An open one groups its devices
by cause, because one cause is usually one fix. Where several are open on a device, the one that explains the others is its primary
cause.
";

/// The page, in Markdown.
pub fn document() -> String {
    let mut page = INTRO.to_owned();
    page.push_str(&overview());
    page.push_str("\n## One by one\n");
    for issue in ALL {
        page.push_str(&section(issue));
    }
    page.push_str(&graph());
    page.push_str(&expectations());
    page
}

/// Every issue in a line.
fn overview() -> String {
    let mut text = "
## All issues

In the order of the path that an update takes: looked for, offered, downloaded, installed, and what comes of that.

| issue | what is wrong | at worst | groups by |
|---|---|---|---|
"
    .to_owned();
    for issue in ALL {
        line(
            &mut text,
            format_args!(
                "| [`{id}`](#{id}) | {} | {} | {} |",
                cell(issue.title),
                issue.severity.name(),
                cell(issue.groups_by),
                id = issue.id,
            ),
        );
    }
    text
}

fn section(issue: &Issue) -> String {
    let mut text = String::new();
    line(
        &mut text,
        format_args!(
            "\n### `{}`\n\n**{}.** {}\n",
            issue.id, issue.title, issue.meaning
        ),
    );
    line(
        &mut text,
        format_args!("- At worst: {}", issue.severity.name()),
    );
    line(&mut text, format_args!("- Groups by: {}", issue.groups_by));
    line(
        &mut text,
        format_args!("- Told by: {}", teller(issue.told_by)),
    );
    for (state, reason) in issue.never {
        line(
            &mut text,
            format_args!("- Never {}: {reason}", state.name()),
        );
    }
    if issue.says_managed_elsewhere {
        line(
            &mut text,
            format_args!(
                "- Not applicable where the owner says that something else manages updates"
            ),
        );
    }
    let explains: Vec<&Issue> = ALL
        .iter()
        .copied()
        .filter(|other| issue.explains.contains(&other.id))
        .collect();
    let explained_by: Vec<&Issue> = ALL
        .iter()
        .copied()
        .filter(|other| other.explains.contains(&issue.id))
        .collect();
    for (how, others) in [("Explains", explains), ("Explained by", explained_by)] {
        if !others.is_empty() {
            line(&mut text, format_args!("- {how}: {}", linked(&others)));
        }
    }
    text.push_str("\nThe way out:\n");
    for (number, step) in (1..).zip(issue.fix) {
        text.push_str(&fix(number, step));
    }
    text.push_str("\nSee also:\n\n");
    for link in issue.links {
        line(&mut text, format_args!("- [{}]({})", link.title, link.url));
    }
    text
}

/// A step, its command as a block that belongs to the list's item.
fn fix(number: usize, step: &FixStep) -> String {
    let mut text = String::new();
    line(&mut text, format_args!("\n{number}. {}", step.text));
    if let Some(command) = step.command {
        line(&mut text, format_args!("\n   ```bat\n   {command}\n   ```"));
    }
    text
}

const fn teller(teller: Teller) -> &'static str {
    match teller {
        Teller::Device => "the device's own readings, so on the spot too",
        Teller::Fleet => "the device's readings beside what the fleet has seen",
        Teller::Server => "the server, by what it saw of the device",
    }
}

/// The whole graph. Issues that explain nothing and are explained by nothing are left out.
fn graph() -> String {
    let mut text = "
## What explains what

An arrow leads from a cause to what comes of it. It holds along several arrows too.

```mermaid
graph LR
"
    .to_owned();
    let stands_in_it = |issue: &&&Issue| {
        let explained = |other: &&Issue| other.explains.contains(&issue.id);
        !issue.explains.is_empty() || ALL.iter().any(explained)
    };
    for issue in ALL.iter().filter(stands_in_it) {
        line(
            &mut text,
            format_args!("  {}[\"{}\"]", node(issue.id), issue.id),
        );
    }
    for issue in ALL {
        for other in issue.explains {
            line(
                &mut text,
                format_args!("  {} --> {}", node(issue.id), node(other)),
            );
        }
    }
    text.push_str("```\n");
    text
}

/// The name of an issue in the drawing, where `end-of-service` would be read as the word that ends a part.
fn node(id: &str) -> String {
    id.replace('-', "_")
}

/// What is expected where nobody wished anything, of clients and servers.
fn expectations() -> String {
    let mut text = "
## What is expected unless someone says otherwise

Each can be set for the whole fleet and for scopes of it.

| expectation | clients | servers |
|---|---|---|
"
    .to_owned();
    let clients = defaults(DeviceKind::Client);
    let servers = defaults(DeviceKind::Server);
    for ((name, client), (_, server)) in clients.into_iter().zip(servers) {
        line(&mut text, format_args!("| {name} | {client} | {server} |"));
    }
    text
}

fn defaults(kind: DeviceKind) -> Vec<(&'static str, String)> {
    // Taken apart, so that an expectation which is new has to be told here too. The scope is no expectation but where they come from.
    let Expectations {
        sources,
        scope: _,
        longest_quality_deferral_days,
        longest_feature_deferral_days,
        oldest_scan_ms,
        behind_ms,
        pending_reboot_serious_after_ms,
        update_health_tools_wanted,
        update_health_tools_minimum,
        directory_registration_wanted,
        free_space_warning_bytes,
        free_space_serious_bytes,
        clock_warning_ms,
        clock_serious_ms,
        silent_after_ms,
        end_of_service_near_ms,
        install_failures,
        wanted_updates,
        managed_by,
    } = Expectations::of(Some(kind));
    let source = match sources.into_iter().flatten().next() {
        None => "what most devices use, until set".to_owned(),
        Some(source) => source.source.name().to_owned(),
    };
    vec![
        ("source of updates, per class", source),
        (
            "longest deferral of quality updates",
            days(longest_quality_deferral_days),
        ),
        (
            "longest deferral of feature updates",
            days(longest_feature_deferral_days),
        ),
        ("oldest successful scan", duration(oldest_scan_ms)),
        (
            "behind the newest revision seen of the release, at most",
            duration(behind_ms),
        ),
        (
            "a pending restart is serious after",
            duration(pending_reboot_serious_after_ms),
        ),
        (
            "Update Health Tools wanted",
            yes_or_no(update_health_tools_wanted),
        ),
        (
            "lowest version of Update Health Tools",
            text(update_health_tools_minimum),
        ),
        (
            "registration with Entra ID wanted",
            yes_or_no(directory_registration_wanted),
        ),
        (
            "free space on the system drive: warning below",
            gigabytes(free_space_warning_bytes),
        ),
        (
            "free space on the system drive: serious below",
            gigabytes(free_space_serious_bytes),
        ),
        ("clock off: warning above", duration(clock_warning_ms)),
        ("clock off: serious above", duration(clock_serious_ms)),
        ("silent after", duration(silent_after_ms)),
        ("end of service near", duration(end_of_service_near_ms)),
        (
            "failures of one installation in a row",
            install_failures.to_string(),
        ),
        (
            "updates wanted",
            text(KbList::of(&wanted_updates).map(|list| list.to_string())),
        ),
        ("managed by something else", text(managed_by)),
    ]
}

fn days(days: Option<u32>) -> String {
    days.map_or_else(|| "none until set".to_owned(), |n| counted(n.into(), "day"))
}

fn text(text: Option<String>) -> String {
    text.unwrap_or_else(|| "none until set".to_owned())
}

fn yes_or_no(yes: bool) -> String {
    if yes { "yes" } else { "no" }.to_owned()
}

/// In days where it is whole days, else in minutes.
fn duration(ms: i64) -> String {
    if ms % DAY_MS == 0 {
        counted(ms / DAY_MS, "day")
    } else {
        counted(ms / MINUTE_MS, "minute")
    }
}

fn counted(number: i64, unit: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {unit}{plural}")
}

fn gigabytes(bytes: u64) -> String {
    format!("{} GB", bytes >> 30)
}

fn linked(issues: &[&Issue]) -> String {
    let links: Vec<String> = issues
        .iter()
        .map(|issue| format!("[`{id}`](#{id})", id = issue.id))
        .collect();
    links.join(", ")
}

/// Text that may stand in a table's cell.
fn cell(text: &str) -> String {
    text.replace('|', r"\|")
}

fn line(text: &mut String, told: std::fmt::Arguments<'_>) {
    // Writing to a String does not fail.
    let _ = writeln!(text, "{told}");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The part of the page about one issue.
    fn told(page: &str, issue: &Issue) -> String {
        let heading = format!("\n### `{}`\n", issue.id);
        let start = page.find(&heading).expect("every issue has a heading") + heading.len();
        let rest = &page[start..];
        let end = rest.find("\n##").expect("the graph follows");
        rest[..end].to_owned()
    }

    #[test]
    fn every_issue_is_told_with_all_of_its_parts() {
        let page = document();
        for issue in ALL {
            let told = told(&page, issue);
            let never = issue.never.iter().map(|(_, reason)| *reason);
            let fix = issue.fix.iter().map(|step| step.text);
            let commands = issue.fix.iter().filter_map(|step| step.command);
            let links = issue.links.iter().map(|link| link.url);
            let parts = [
                issue.title,
                issue.meaning,
                issue.severity.name(),
                issue.groups_by,
            ];
            for part in parts
                .into_iter()
                .chain(never)
                .chain(fix)
                .chain(commands)
                .chain(links)
                .chain(issue.explains.iter().copied())
            {
                assert!(told.contains(part), "{} lacks {part:?}", issue.id);
            }
        }
    }

    #[test]
    fn what_explains_an_issue_is_told_there_and_in_the_graph() {
        let page = document();
        for issue in ALL {
            for other in issue.explains {
                let explained = super::super::get(other).expect("an issue");
                assert!(told(&page, explained).contains(&format!("(#{})", issue.id)));
                assert!(page.contains(&format!("  {} --> {}\n", node(issue.id), node(other))));
            }
        }
    }

    #[test]
    fn clients_and_servers_are_told_apart() {
        let page = document();
        for row in [
            "| oldest successful scan | 7 days | 3 days |",
            "| clock off: serious above | 1 day | 5 minutes |",
            "| free space on the system drive: warning below | 20 GB | 20 GB |",
            "| Update Health Tools wanted | yes | no |",
        ] {
            assert!(page.contains(row), "{row}");
        }
    }
}
