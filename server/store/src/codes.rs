//! How words are kept in columns: small integers for states, JSON for short lists.
//!
//! Codes are part of the schema: a number once used is never given another meaning.

use sickbay_diagnosis::Time;
use sickbay_diagnosis::expectation::{ExpectedSource, UpdateSource};
use sickbay_diagnosis::filter::Filter;
use sickbay_diagnosis::knowledge::DeviceKind;
use sickbay_diagnosis::verdict::{Cause, Kept, Severity, State};
use uuid::Uuid;

use crate::{
    Access, AccountSource, Approval, Baseline, DeviceStatus, Ended, Result, Role, Scope, Standing,
    StoreError,
};

/// Why a value that this build cannot name was refused.
fn strange<T>(what: &'static str, value: impl std::fmt::Display) -> Result<T> {
    Err(StoreError::Corrupt {
        what,
        reason: format!("{value} has no meaning in this version"),
    })
}

/// The code of a device's status. Statements name 1 and 4.
pub(crate) const fn status_code(status: DeviceStatus) -> i64 {
    match status {
        DeviceStatus::Pending => 0,
        DeviceStatus::Active => 1,
        DeviceStatus::Revoked => 2,
        DeviceStatus::Retired => 3,
        DeviceStatus::Listed => 4,
        DeviceStatus::Replaced => 5,
    }
}

/// The status of a code.
pub(crate) fn status(code: i64) -> Result<DeviceStatus> {
    match code {
        0 => Ok(DeviceStatus::Pending),
        1 => Ok(DeviceStatus::Active),
        2 => Ok(DeviceStatus::Revoked),
        3 => Ok(DeviceStatus::Retired),
        4 => Ok(DeviceStatus::Listed),
        5 => Ok(DeviceStatus::Replaced),
        other => strange("status", other),
    }
}

/// The code of who lets a token's machines in.
pub(crate) const fn approval_code(approval: Approval) -> i64 {
    match approval {
        Approval::Person => 0,
        Approval::Nobody => 1,
        Approval::List => 2,
    }
}

/// Who lets a token's machines in, of a code.
pub(crate) fn approval(code: i64) -> Result<Approval> {
    match code {
        0 => Ok(Approval::Person),
        1 => Ok(Approval::Nobody),
        2 => Ok(Approval::List),
        other => strange("approval", other),
    }
}

/// The code of why a device's life ended.
pub(crate) const fn ended_code(ended: Ended) -> i64 {
    match ended {
        Ended::ByPerson => 1,
        Ended::Uninstalled => 2,
        Ended::Ephemeral => 3,
        Ended::Reimaged => 4,
        Ended::Merged => 5,
    }
}

/// Why a device's life ended, of a code.
pub(crate) fn ended(code: i64) -> Result<Ended> {
    match code {
        1 => Ok(Ended::ByPerson),
        2 => Ok(Ended::Uninstalled),
        3 => Ok(Ended::Ephemeral),
        4 => Ok(Ended::Reimaged),
        5 => Ok(Ended::Merged),
        other => strange("end of a device", other),
    }
}

/// The code of what a generation of the CA is good for.
pub(crate) const fn standing_code(standing: Standing) -> i64 {
    match standing {
        Standing::Next => 1,
        Standing::Issuing => 2,
        Standing::Trusted => 3,
        Standing::Retired => 4,
    }
}

/// What a generation of the CA is good for, of a code.
pub(crate) fn standing(code: i64) -> Result<Standing> {
    match code {
        1 => Ok(Standing::Next),
        2 => Ok(Standing::Issuing),
        3 => Ok(Standing::Trusted),
        4 => Ok(Standing::Retired),
        other => strange("standing of a CA", other),
    }
}

/// A filter as kept, empty for no condition.
pub(crate) fn filter_text(filter: &Filter) -> String {
    match filter {
        Filter::Everything => String::new(),
        condition => condition.to_string(),
    }
}

/// The code of a role; 0 for none.
pub(crate) const fn role_code(role: Option<Role>) -> i64 {
    match role {
        None => 0,
        Some(Role::Viewer) => 1,
        Some(Role::Operator) => 2,
        Some(Role::Admin) => 3,
    }
}

/// What somebody may do. A scope that cannot be read is none that is wide.
pub(crate) fn access(role: i64, scope: &str) -> Result<Option<Access>> {
    let role = match role {
        0 => return Ok(None),
        1 => Role::Viewer,
        2 => Role::Operator,
        3 => Role::Admin,
        other => return strange("role", other),
    };
    let scope = match scope {
        "" => Scope::All,
        text => {
            let filter = Filter::parse(text).map_err(|error| StoreError::Corrupt {
                what: "scope of somebody",
                reason: error.to_string(),
            })?;
            Scope::Matching(filter)
        }
    };
    Ok(Some(Access { role, scope }))
}

/// What somebody may do, for the record.
pub(crate) fn access_words(access: Option<&Access>) -> String {
    access.map_or_else(|| "no role".to_owned(), Access::to_string)
}

/// The code of who knows an account.
pub(crate) const fn account_source_code(source: AccountSource) -> i64 {
    match source {
        AccountSource::Local => 0,
        AccountSource::OpenId => 1,
        AccountSource::Ldap => 2,
    }
}

/// Who knows an account, of a code.
pub(crate) fn account_source(code: i64) -> Result<AccountSource> {
    match code {
        0 => Ok(AccountSource::Local),
        1 => Ok(AccountSource::OpenId),
        2 => Ok(AccountSource::Ldap),
        other => strange("source of an account", other),
    }
}

/// An id, or an empty text for none.
pub(crate) fn optional_id(id: Option<Uuid>) -> String {
    id.map_or_else(String::new, |id| id.to_string())
}

/// An id, or none of an empty text.
pub(crate) fn read_optional_id(text: &str) -> Result<Option<Uuid>> {
    match text {
        "" => Ok(None),
        text => id(text).map(Some),
    }
}

/// The code of a verdict's state.
pub(crate) const fn state_code(state: State) -> i64 {
    match state {
        State::Open => 1,
        State::Unknown => 2,
        State::Clear => 3,
        State::NotApplicable => 4,
    }
}

/// The state of a code.
pub(crate) fn state(code: i64) -> Result<State> {
    match code {
        1 => Ok(State::Open),
        2 => Ok(State::Unknown),
        3 => Ok(State::Clear),
        4 => Ok(State::NotApplicable),
        other => strange("state", other),
    }
}

/// The code of how a finding is kept. Statements and indexes name them.
pub(crate) const fn kept_code(kept: Kept) -> i64 {
    match kept {
        Kept::Open => 1,
        Kept::Unknown => 2,
        Kept::Accepted => 5,
    }
}

/// How a finding of that code is kept.
pub(crate) fn kept(code: i64) -> Result<Kept> {
    match code {
        1 => Ok(Kept::Open),
        2 => Ok(Kept::Unknown),
        5 => Ok(Kept::Accepted),
        other => strange("state of a finding", other),
    }
}

/// The code of what a baseline is of.
pub(crate) const fn baseline_code(what: Baseline) -> i64 {
    match what {
        Baseline::Windows => 1,
        Baseline::ServicingStack => 2,
    }
}

/// What a baseline of that code is of.
pub(crate) fn baseline(code: i64) -> Result<Baseline> {
    match code {
        1 => Ok(Baseline::Windows),
        2 => Ok(Baseline::ServicingStack),
        other => strange("baseline", other),
    }
}

/// The kind of a name; nothing where it is not known.
pub(crate) fn kind(name: &str) -> Option<DeviceKind> {
    [DeviceKind::Client, DeviceKind::Server]
        .into_iter()
        .find(|kind| kind.name() == name)
}

/// The code of a severity.
pub(crate) const fn severity_code(severity: Severity) -> i64 {
    match severity {
        Severity::Warning => 1,
        Severity::Serious => 2,
    }
}

/// The severity of a code.
pub(crate) fn severity(code: i64) -> Result<Severity> {
    match code {
        1 => Ok(Severity::Warning),
        2 => Ok(Severity::Serious),
        other => strange("severity", other),
    }
}

/// The id as kept.
pub(crate) fn id(text: &str) -> Result<Uuid> {
    text.parse().map_err(|_| StoreError::Corrupt {
        what: "id",
        reason: format!("{text:?} is no UUID"),
    })
}

/// Causes as JSON.
pub(crate) fn causes_text(causes: &[Cause]) -> String {
    serde_json::to_string(causes).expect("texts always have a JSON form")
}

/// Causes from JSON.
pub(crate) fn causes(text: &str) -> Result<Vec<Cause>> {
    json("causes", text)
}

/// Tags as JSON.
pub(crate) fn tags_text(tags: &[String]) -> String {
    serde_json::to_string(tags).expect("texts always have a JSON form")
}

/// Tags from JSON.
pub(crate) fn tags(text: &str) -> Result<Vec<String>> {
    json("tags", text)
}

/// All tags of a device, as lists show them: sorted, each once, and as the rows that filters look at have them.
pub(crate) fn all_tags(of_token: &[String], reported: &[String]) -> Vec<String> {
    let mut tags: Vec<String> = of_token
        .iter()
        .chain(reported)
        .map(|tag| text(tag))
        .collect();
    tags.sort_unstable();
    tags.dedup();
    tags
}

fn json<T: serde::de::DeserializeOwned>(what: &'static str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt {
        what,
        reason: error.to_string(),
    })
}

/// A source in one text: its public word, and after a blank the server.
pub(crate) fn source_text(source: &ExpectedSource) -> String {
    text(&source.to_string())
}

/// A source from its text.
pub(crate) fn source(text: &str) -> Result<ExpectedSource> {
    let (word, server) = match text.split_once(' ') {
        Some((word, server)) => (word, Some(server.to_owned())),
        None => (text, None),
    };
    match UpdateSource::named(word) {
        Some(source) => Ok(ExpectedSource { source, server }),
        None => strange("source", word),
    }
}

/// A text as a column can hold it. Devices may send a NUL inside a text; databases cut there or refuse the whole batch.
pub(crate) fn text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// A number that fits 32 bits, as every writer of this crate made sure.
pub(crate) fn small(what: &'static str, number: i64) -> Result<u32> {
    match u32::try_from(number) {
        Ok(number) => Ok(number),
        Err(_) => strange(what, number),
    }
}

/// A count; negative only if a counter was lost track of.
pub(crate) fn count(what: &'static str, number: i64) -> Result<u64> {
    match u64::try_from(number) {
        Ok(number) => Ok(number),
        Err(_) => strange(what, number),
    }
}

/// A time that may be absent.
pub(crate) fn time(millis: Option<i64>) -> Option<Time> {
    millis.map(Time::from_millis)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn every_word_comes_back_from_its_column() {
        for one in [
            DeviceStatus::Pending,
            DeviceStatus::Active,
            DeviceStatus::Revoked,
            DeviceStatus::Retired,
            DeviceStatus::Listed,
        ] {
            assert_eq!(status(status_code(one)).unwrap(), one);
        }
        for one in [
            State::Open,
            State::Unknown,
            State::Clear,
            State::NotApplicable,
        ] {
            assert_eq!(state(state_code(one)).unwrap(), one);
        }
        for one in [Severity::Warning, Severity::Serious] {
            assert_eq!(severity(severity_code(one)).unwrap(), one);
        }
        for server in [
            None,
            Some("http://wsus.example.org:8530/with blank".to_owned()),
        ] {
            let one = ExpectedSource {
                source: UpdateSource::Wsus,
                server,
            };
            assert_eq!(source(&source_text(&one)).unwrap(), one);
        }
    }
}
