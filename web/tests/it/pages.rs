//! What each page promises to show.

use sickbay_web::{Theme, region};

use crate::sample::Sample;

fn sample() -> Sample<'static> {
    Sample::new(&str::to_owned, Theme::System)
}

/// Whether `html` holds all of `parts`, in this order.
fn in_order(html: &str, parts: &[&str]) -> Result<(), String> {
    let mut rest = html;
    for part in parts {
        let at = rest
            .find(part)
            .ok_or_else(|| format!("{part:?} is missing or out of order"))?;
        rest = &rest[at + part.len()..];
    }
    Ok(())
}

#[test]
fn the_overview_says_how_many_and_links_each_number_to_its_devices() {
    let html = sample().overview().render();
    in_order(
        &html,
        &[
            "31 devices have a serious problem with updates, out of 200 active devices.",
            "href=\"/devices?filter=state%3Aopen\"",
            "href=\"/devices?filter=state%3Aunknown%20-state%3Aopen\"",
            "href=\"/enrolment\"",
            "waiting for approval",
        ],
    )
    .unwrap();
}

#[test]
fn a_number_whose_devices_no_filter_can_list_is_no_link() {
    let html = sample().overview().render();
    let tile = html
        .split("tile-quiet")
        .nth(1)
        .unwrap()
        .split("</li>")
        .next()
        .unwrap();
    assert!(tile.contains("Never reported") && !tile.contains("href"));
}

#[test]
fn the_overview_lists_issues_by_weight_and_puts_those_with_nothing_open_last() {
    let html = sample().overview().render();
    in_order(
        &html,
        &[
            ">Serious</h3>",
            "safeguard-hold",
            "wrong-scan-source",
            "pending-reboot",
            ">Warnings</h3>",
            "wsus-without-tls",
            "3 issues with nothing open",
            "upgrade-blocked",
        ],
    )
    .unwrap();
    assert!(html.contains("Primary cause on 12 devices"));
}

#[test]
fn a_fresh_server_says_what_to_do_first_and_shows_no_empty_charts() {
    let html = sample().fresh().render();
    in_order(
        &html,
        &[
            "No device has joined yet",
            "sickbay-server token create",
            "sickbay-collector enrol",
            "href=\"/enrolment\"",
        ],
    )
    .unwrap();
    assert!(!html.contains("class=\"tiles\"") && !html.contains("Newest changes"));
}

#[test]
fn the_issue_page_exports_exactly_what_its_filter_says() {
    let html = sample().issue().render();
    for ending in ["csv", "json", "ndjson"] {
        let href = format!(
            "/api/v1/issues/safeguard-hold/devices.{ending}?filter=release%3A%22Windows%2011%2A%22"
        );
        assert!(html.contains(&href), "{href}");
    }
}

#[test]
fn the_issue_page_leads_from_a_cause_to_its_devices_and_on_to_the_next_part() {
    let html = sample().issue().render();
    in_order(
        &html,
        &[
            "How to fix it",
            "UsoClient StartInteractiveScan",
            "href=\"/issues/safeguard-hold?filter=cause%3A40667045%2FGE24H2\"",
            "14 devices</strong> match",
            "LT-BER-0147",
            "rel=\"next\"",
        ],
    )
    .unwrap();
    assert!(html.contains("filter=release%3A%22Windows%2011%2A%22&#38;cursor=cGMtaGFtLTEwMjE6NDI"));
}

#[test]
fn a_filter_that_was_not_understood_keeps_its_text_and_says_why() {
    let html = sample().issue_with_bad_filter().render();
    assert!(html.contains("value=\"buildd&#62;26100\"") && html.contains("aria-invalid=\"true\""));
    in_order(&html, &["role=\"alert\"", "there is no field"]).unwrap();
    assert!(
        !html.contains("No device"),
        "an error must not read like an empty list"
    );
}

#[test]
fn the_device_page_puts_the_primary_cause_before_everything_else() {
    let html = sample().device().render();
    in_order(
        &html,
        &[
            "Primary cause",
            "Hold 40667045 keeps Windows 11 24H2",
            "It also explains",
            "Feature updates are paused",
            "id=\"v-safeguard-hold\"",
            "id=\"v-update-health-tools-missing\"",
            "id=\"clear\"",
            "id=\"not-applicable\"",
            "History",
        ],
    )
    .unwrap();
}

#[test]
fn every_verdict_shows_the_raw_value_where_it_was_read_and_when() {
    let html = sample().device().render();
    in_order(
        &html,
        &[
            "TargetVersionUpgradeExperienceIndicators\\",
            "GatedBlockId",
            "REG_MULTI_SZ",
            "registry",
            "40667045\n52754008",
            "2026-11-23T07:54:00Z",
            "6 min ago",
        ],
    )
    .unwrap();
    in_order(&html, &["DisableWUfBSafeguards", "absent", "nothing there"]).unwrap();
    in_order(
        &html,
        &[
            "id=\"clear\"",
            "NoAutoUpdate",
            "REG_DWORD",
            "<bdi class=\"raw\">0</bdi>",
        ],
    )
    .unwrap();
    in_order(&html, &["unreadable", "access denied (error 5)"]).unwrap();
}

#[test]
fn a_device_that_never_reported_is_not_called_good() {
    let html = sample().new_device().render();
    assert!(html.contains("Nothing is known of this device yet"));
    assert!(!html.contains("everything that was looked at is good"));
}

#[test]
fn a_device_with_open_questions_is_not_called_good() {
    let mut page = sample().device();
    page.open.clear();
    page.primary = None;
    let html = page.render();
    assert!(html.contains("Nothing is open, but 1 question could not be answered."));
    assert!(!html.contains("everything that was looked at is good"));
    page.unknown.clear();
    assert!(
        page.render()
            .contains("everything that was looked at is good")
    );
}

#[test]
fn a_certificate_that_was_not_renewed_is_pointed_out() {
    let mut page = sample().device();
    assert!(page.render().contains("ends soon and was not renewed"));
    page.health.certificate_not_after = Some(page.chrome.now);
    assert!(page.render().contains("has ended"));
    page.health.certificate_not_after = Some(page.chrome.now.plus_days(11));
    let html = page.render();
    assert!(!html.contains("ends soon") && !html.contains("has ended"));
}

#[test]
fn approval_names_each_device_by_its_own_id() {
    let html = sample().enrolment().render();
    assert_eq!(html.matches("name=\"device\"").count(), 3);
    in_order(
        &html,
        &[
            "action=\"/enrolment/approve\"",
            "name=\"device\" value=\"019aaf3e-5c1e-7d20-9b1e-3f6a2c4d8e011\"",
            "formaction=\"/enrolment/refuse\"",
        ],
    )
    .unwrap();
    in_order(&html, &["Demo fleet", "let in without a person"]).unwrap();
}

#[test]
fn a_stranger_is_told_nothing_of_the_fleet() {
    let html = sample().sign_in().render();
    assert!(
        !html.contains("<nav")
            && !html.contains("waiting")
            && !html.contains("data-events")
            && !html.contains("csrf")
    );
}

#[test]
fn only_a_page_that_may_listen_names_the_stream() {
    let mut page = sample().device();
    assert!(page.render().contains("data-events=\"/events\""));
    page.chrome.live = false;
    assert!(!page.render().contains("data-events"));
}

#[test]
fn regions_are_named_as_the_events_name_them() {
    assert_eq!(region::issue("pending-reboot"), "issue:pending-reboot");
    assert_eq!(region::device("42"), "device:42");
}

#[test]
fn a_code_is_told_with_all_its_forms_and_one_that_the_table_lacks_with_its_neighbour() {
    let html = sample().error_codes_found().render();
    in_order(
        &html,
        &[
            "name=\"q\"",
            "value=\"Failed to connect to Mux: 0x8024402C and 0x80244FF0\"",
            "“Failed to connect to Mux”",
            "<code>0x8024402C</code> <bdi>WU_E_PT_WINHTTP_NAME_NOT_RESOLVED</bdi>",
            "href=\"/error-codes?q=WU%20protocol\"",
            "<dt>Fix</dt>",
            "<code>-2145107924</code> <span class=\"quiet\">(signed decimal)</span>",
            "<code>0x80244FF0</code></h2>",
            "Not in the table, but its number says whose it is.",
            "href=\"/error-codes?q=0x80244FFF\"",
            "<strong>1,234 codes</strong>",
            "(the closest 2 are shown)",
            "WU_E_PT_NEXT",
        ],
    )
    .unwrap();
    assert!(!html.contains("Areas</h2>"));
}

#[test]
fn where_nothing_is_asked_areas_are_offered_and_a_question_too_long_is_refused_in_words() {
    let html = sample().error_codes().render();
    in_order(
        &html,
        &[
            "957 codes",
            "collected up to 2026-11-20",
            "Areas</h2>",
            "href=\"/error-codes?q=CBS\"",
            "116",
        ],
    )
    .unwrap();
    let html = sample().error_codes_too_long().render();
    in_order(
        &html,
        &[
            "aria-invalid=\"true\"",
            "role=\"alert\"",
            "at most 500 are looked at",
        ],
    )
    .unwrap();
}

#[test]
fn a_cause_that_is_a_code_leads_to_what_it_means() {
    let html = sample().issue_of_codes().render();
    assert_eq!(
        html.matches("href=\"/error-codes?q=0x80070643\"").count(),
        1 + sample()
            .issue_of_codes()
            .table
            .map_or(0, |table| table.rows.len())
    );
    let holds = sample().issue().render();
    assert!(!holds.contains("/error-codes?q="), "a hold's id is no code");
}
