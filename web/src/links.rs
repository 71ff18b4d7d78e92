//! Addresses of pages and exports: the only place that knows how they are spelled.
//!
//! Every part that is not fixed is percent-encoded here, so templates never build an address themselves.

use std::fmt::Write as _;

/// The overview.
pub const OVERVIEW: &str = "/";
/// The list of issues.
pub const ISSUES: &str = "/issues";
/// The list of devices.
pub const DEVICES: &str = "/devices";
/// Revisions by release, and the question about an update: `q`, or `file`.
pub const UPDATES: &str = "/updates";
/// Pending devices and enrolment tokens.
pub const ENROLMENT: &str = "/enrolment";
/// Error codes: what they mean, searched by `q`.
pub const ERROR_CODES: &str = "/error-codes";
/// Everything that a text finds: `q`, and `kind` for hits of one kind alone; `list` where one that is named is not gone to.
pub const SEARCH: &str = "/search";
/// The same while it is typed, as a part of a page: `q`.
pub const SUGGESTIONS: &str = "/search/suggestions";
/// What the API offers.
pub const API: &str = "/api";
/// What is in force.
pub const SETTINGS: &str = "/settings";
/// What the fleet's owner wants, by scope, and what they accept for a time.
pub const EXPECTATIONS: &str = "/expectations";
/// The form of one scope's expectations: of a new one, unless [`scope_form`] says which.
pub const SCOPE_FORM: &str = "/expectations/scope";
/// The form of the whole fleet's expectations.
pub const FLEET_FORM: &str = "/expectations/fleet";
/// Takes a form of expectations again, as it was typed.
pub const EXPECTATIONS_EDIT: &str = "/expectations/edit";
/// Takes a change of expectations and shows what would come of it.
pub const EXPECTATIONS_PREVIEW: &str = "/expectations/preview";
/// Takes expectations that were previewed: `csrf`, `mark`, `wishes`.
pub const EXPECTATIONS_APPLY: &str = "/expectations/apply";
/// Takes an acceptance: `csrf`, `issue`, `scope`, `reason`, `until`.
pub const ACCEPT: &str = "/expectations/accept";
/// Ends an acceptance: `csrf`, `id`.
pub const END_ACCEPTANCE: &str = "/expectations/end";
/// The certificate authority; takes the form with a step of its rotation: `csrf`, `step`, and `force` where it is wanted.
pub const CA: &str = "/enrolment/ca";
/// The stream of change events.
pub const EVENTS: &str = "/events";
/// Takes the form that approves pending devices: `csrf`, and `device` once for each.
pub const APPROVE: &str = "/enrolment/approve";
/// Takes the form that refuses pending devices: `csrf`, and `device` once for each.
pub const REFUSE: &str = "/enrolment/refuse";
/// Takes name and password.
pub const SIGN_IN: &str = "/sign-in";
/// Sends the browser to the provider: `next`.
pub const SIGN_IN_BY_PROVIDER: &str = "/sign-in/openid";
/// Somebody's own account: their password and sessions.
pub const ACCOUNT: &str = "/account";
/// Takes the zone in which times are told: `csrf`, `zone`, empty for the browser's.
pub const ZONE: &str = "/account/zone";
/// Takes a new password: `csrf`, `current`, `fresh`, `again`.
pub const PASSWORD: &str = "/account/password";
/// Ends a session of one's own: `csrf`, `id`.
pub const END_OWN_SESSION: &str = "/account/sessions/end";
/// Accounts, sessions and API tokens.
pub const PEOPLE: &str = "/people";
/// Makes an account: `csrf`, `name`, `role`, `scope`.
pub const ADD_ACCOUNT: &str = "/people/add";
/// Says what an account may do: `csrf`, `id`, `role`, `scope`.
pub const PUT_ACCESS: &str = "/people/access";
/// Makes a sign-in link of an account: `csrf`, `id`.
pub const ACCOUNT_LINK: &str = "/people/link";
/// Shuts an account out or lets it in again: `csrf`, `id`, `disabled`.
pub const DISABLE: &str = "/people/disable";
/// Ends anybody's session: `csrf`, `id`.
pub const END_SESSION: &str = "/people/sessions/end";
/// Makes an API token: `csrf`, `name`, `role`, `scope`, `days`.
pub const ADD_API_TOKEN: &str = "/people/tokens/add";
/// Revokes an API token: `csrf`, `id`.
pub const REVOKE_API_TOKEN: &str = "/people/tokens/revoke";
/// Lists as files; begins one: `csrf`, `issue`, `filter`, `format`, `columns` once for each.
pub const EXPORTS: &str = "/exports";
/// Takes chosen devices of a list and what is to be done with them: `csrf`, `list`, `filter`, `device` once for each, `all`, `do`.
pub const SELECTION: &str = "/selection";
/// Asks devices to look again: `csrf`, `id`.
pub const INSPECT: &str = "/inspect";
/// Saves a list as a view: `csrf`, `list`, `filter`, `sort`, `columns`, `name`, `shared`.
pub const VIEWS: &str = "/views";
/// Removes a view: `csrf`, `id`, and `list` to go back to.
pub const REMOVE_VIEW: &str = "/views/remove";
/// Removes one: `csrf`, `id`.
pub const REMOVE_EXPORT: &str = "/exports/remove";
/// The record of what was done.
pub const AUDIT: &str = "/audit";
/// Takes the form that ends the session: `csrf`.
pub const SIGN_OUT: &str = "/sign-out";

/// A form in which a list can be exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// Comma separated values.
    Csv,
    /// A workbook of Excel.
    Xlsx,
    /// One JSON document.
    Json,
    /// One JSON object a line.
    Ndjson,
}

impl ExportFormat {
    /// All of them, in the order in which pages offer them.
    pub const ALL: [Self; 4] = [Self::Csv, Self::Xlsx, Self::Json, Self::Ndjson];

    /// The ending of the address.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
        }
    }

    /// The name as people write it.
    pub const fn label(self) -> &'static str {
        crate::words::exports::format(self)
    }
}

/// A list of devices as somebody has it: of an issue, or of all devices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct List {
    /// The issue's id, or [`ALL_DEVICES`].
    pub list: String,
    /// The filter; empty for none.
    pub filter: String,
    /// By what it is ordered; empty for the usual order.
    pub sort: String,
    /// Columns with commas; empty for the usual ones.
    pub columns: String,
    /// The row after which it begins; empty from the start.
    pub cursor: String,
}

impl List {
    /// Its address.
    pub fn href(&self) -> String {
        with_query(
            self.page(),
            &[
                ("filter", &self.filter),
                ("sort", &self.sort),
                ("columns", &self.columns),
                ("cursor", &self.cursor),
            ],
        )
    }

    /// The page that it is on, without anything said of it.
    pub fn page(&self) -> String {
        match self.list.as_str() {
            ALL_DEVICES => DEVICES.to_owned(),
            issue => format!("/issues/{}", encode(issue)),
        }
    }

    /// The same list with another filter, from the start.
    pub fn filtered(&self, filter: &str) -> String {
        Self {
            filter: filter.to_owned(),
            cursor: String::new(),
            ..self.clone()
        }
        .href()
    }

    /// The same list in another order, from the start.
    pub fn sorted(&self, sort: &str) -> String {
        Self {
            sort: sort.to_owned(),
            cursor: String::new(),
            ..self.clone()
        }
        .href()
    }

    /// The same list from the row after a place on.
    pub fn after(&self, cursor: &str) -> String {
        Self {
            cursor: cursor.to_owned(),
            ..self.clone()
        }
        .href()
    }

    /// The export of exactly this list, which has so many devices.
    pub fn export(&self, format: ExportFormat, devices: u64) -> String {
        if format == ExportFormat::Xlsx && devices > WORKBOOK_WAITED_FOR {
            return self.exports();
        }
        let extension = format.extension();
        let path = match self.list.as_str() {
            ALL_DEVICES => format!("/api/v1/exports/devices/devices.{extension}"),
            issue => format!("/api/v1/issues/{}/devices.{extension}", encode(issue)),
        };
        let columns = if self.columns.is_empty() {
            String::new()
        } else {
            format!("name,device_id,{}", self.columns)
        };
        with_query(path, &[("filter", &self.filter), ("columns", &columns)])
    }

    /// The form that makes a file of it.
    pub fn exports(&self) -> String {
        exports_of(&self.list, &self.filter)
    }

    /// What a form that changes one of its parts has to say again of the others.
    pub fn kept(&self) -> Vec<(&'static str, String)> {
        let all = [
            ("filter", &self.filter),
            ("sort", &self.sort),
            ("columns", &self.columns),
        ];
        all.into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name, value.clone()))
            .collect()
    }
}

/// The page of an issue, with the devices that match `filter` (all of them where it is empty).
pub fn issue(id: &str, filter: &str) -> String {
    with_query(format!("/issues/{}", encode(id)), &[("filter", filter)])
}

/// Devices beyond which a workbook is made while one goes on working, and not while the browser waits.
const WORKBOOK_WAITED_FOR: u64 = 20_000;

/// The list of all devices, where another one is named by its issue.
pub const ALL_DEVICES: &str = "devices";

/// The form that makes a file of a list: [`ALL_DEVICES`], or an issue's.
pub fn exports_of(list: &str, filter: &str) -> String {
    with_query(EXPORTS.to_owned(), &[("list", list), ("filter", filter)])
}

/// The file of an export.
pub fn export_file(id: &str, name: &str) -> String {
    format!("/api/v1/exports/{}/{}", encode(id), encode(name))
}

/// How the fleet stands with an update, of the devices that match `filter` and are in `class` (all where they are empty).
pub fn update(asked: &str, filter: &str, class: &str) -> String {
    update_after(asked, filter, class, "")
}

/// The same from the row after `cursor`.
pub fn update_after(asked: &str, filter: &str, class: &str, cursor: &str) -> String {
    with_query(
        format!("/updates/{}", encode(asked)),
        &[("filter", filter), ("class", class), ("cursor", cursor)],
    )
}

/// Why an update is, or is not, on a device.
pub fn update_on(asked: &str, device_id: &str) -> String {
    format!("/updates/{}/devices/{}", encode(asked), encode(device_id))
}

/// The export of exactly the devices that the page of an update lists.
pub fn update_export(asked: &str, format: ExportFormat, filter: &str, class: &str) -> String {
    let path = format!(
        "/api/v1/updates/{}/devices.{}",
        encode(asked),
        format.extension()
    );
    with_query(path, &[("filter", filter), ("class", class)])
}

/// Where an account's one-time link leads, and where its button does.
pub fn sign_in_of_account(link: &str) -> String {
    format!("{SIGN_IN}/of-account/{}", encode(link))
}

/// Sends the browser to the provider, and afterwards to a page.
pub fn sign_in_by_provider(next: &str) -> String {
    with_query(SIGN_IN_BY_PROVIDER.to_owned(), &[("next", next)])
}

/// Lines of the record: `actor`, `action`, `text`, `since`, `until`, and `before` for those after a page.
pub fn audit(conditions: &[(&str, &str)]) -> String {
    with_query(AUDIT.to_owned(), conditions)
}

/// The export of exactly these lines.
pub fn audit_export(format: ExportFormat, conditions: &[(&str, &str)]) -> String {
    with_query(
        format!("/api/v1/audit/record.{}", format.extension()),
        conditions,
    )
}

/// The devices that match `filter`.
pub fn devices(filter: &str) -> String {
    with_query(DEVICES.to_owned(), &[("filter", filter)])
}

/// The form of the scope at `place`.
pub fn scope_form(place: impl std::borrow::Borrow<usize>) -> String {
    let place = place.borrow().to_string();
    with_query(SCOPE_FORM.to_owned(), &[("place", &place)])
}

/// Error codes that are, have or mention `question`: of a code its explanation.
pub fn error_codes(question: &str) -> String {
    with_query(ERROR_CODES.to_owned(), &[("q", question)])
}

/// Everything that a text finds, also where it names one thing.
pub fn search(text: &str) -> String {
    with_query(SEARCH.to_owned(), &[("q", text), ("list", "all")])
}

/// What of a kind a text finds.
pub fn search_of(text: &str, kind: &str) -> String {
    with_query(SEARCH.to_owned(), &[("q", text), ("kind", kind)])
}

/// A device.
pub fn device(id: &str) -> String {
    format!("/devices/{}", encode(id))
}

/// A device, with its history before the row `before`.
pub fn device_history(id: &str, before: impl std::borrow::Borrow<i64>) -> String {
    format!("/devices/{}?before={}#history", encode(id), before.borrow())
}

/// A verdict on the page of its device.
pub fn verdict(device_id: &str, issue_id: &str) -> String {
    format!("/devices/{}#v-{}", encode(device_id), encode(issue_id))
}

/// Adds the parameters that are not empty.
pub(crate) fn with_query(mut path: String, parameters: &[(&str, &str)]) -> String {
    let given = parameters.iter().filter(|(_, value)| !value.is_empty());
    for (place, (name, value)) in given.enumerate() {
        let before = if place == 0 { '?' } else { '&' };
        let _ = write!(path, "{before}{name}={}", encode(value));
    }
    path
}

/// Percent-encodes everything but the unreserved characters of RFC 3986, so the result fits any part of an address.
fn encode(text: &str) -> String {
    text.bytes()
        .fold(String::with_capacity(text.len()), |mut out, byte| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                out.push(char::from(byte));
            } else {
                let _ = write!(out, "%{byte:02X}");
            }
            out
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_cannot_break_out_of_its_parameter() {
        assert_eq!(
            issue("safeguard-hold", r#"cause:"1&cursor=2#x" ou:*München*"#),
            "/issues/safeguard-hold?filter=cause%3A%221%26cursor%3D2%23x%22%20ou%3A%2AM%C3%BCnchen%2A"
        );
    }

    #[test]
    fn an_id_cannot_add_path_segments() {
        assert_eq!(
            device("../../sign-out?x"),
            "/devices/..%2F..%2Fsign-out%3Fx"
        );
    }

    #[test]
    fn an_empty_filter_leaves_a_clean_address() {
        assert_eq!(devices(""), "/devices");
        let list = |list: &str, filter: &str| List {
            list: list.to_owned(),
            filter: filter.to_owned(),
            ..List::default()
        };
        assert_eq!(list(ALL_DEVICES, "").after("abc"), "/devices?cursor=abc");
        let reboot = list("pending-reboot", "kind:server");
        assert_eq!(
            reboot.export(ExportFormat::Ndjson, 1),
            "/api/v1/issues/pending-reboot/devices.ndjson?filter=kind%3Aserver"
        );
        assert_eq!(
            list("pending-reboot", "").export(ExportFormat::Xlsx, 1_000_000),
            "/exports?list=pending-reboot"
        );
        assert_eq!(
            reboot.sorted("-build"),
            "/issues/pending-reboot?filter=kind%3Aserver&sort=-build"
        );
    }
}
