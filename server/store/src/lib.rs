//! The one place that knows SQL: devices, facts, findings, history, access.
//!
//! One method is one transaction; no transaction handle crosses [`Store`]. Every query about devices takes the viewer's [`Scope`].
//! A device is known outside by its UUID and inside by a sequential integer, its *key*. Times are milliseconds UTC.
//!
//! What it leaves out: it decides nothing. Diagnosis happens before [`Store::commit`], acknowledgement after.
#![forbid(unsafe_code)]
#![expect(
    clippy::duplicate_mod,
    reason = "the body is compiled once for each database, against its types"
)]

#[macro_use]
mod statements;

mod admission;
mod anatomy;
mod cells;
mod chain;
mod codes;
mod column;
mod error;
mod filter_sql;
mod history_page;
mod index;
mod machine_list;
mod model;
mod moving;
mod packed;
mod plan;
mod postgres;
mod rows;
mod schema;
mod secrets;
mod sqlite;
mod tally;
mod unsealed;
mod usage;

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use sickbay_diagnosis::Time;
use sickbay_diagnosis::filter::{Filter, TextField};
use uuid::Uuid;

pub use cells::{CellValue, Cells, Field};
pub use chain::{Checkpoint, Fault, Seal, Verified};
pub use error::StoreError;
#[cfg(any(test, feature = "benchmarks"))]
pub use history_page::compact_history;
pub use index::{Counted, Facet, FoundCause, Group, InFleet, SOUGHT_GROUPS, Sought, Survey};
pub use machine_list::{Imported, ListedMachine};
pub use model::*;
pub use moving::{Moved, digests, move_fleet};
#[cfg(any(test, feature = "benchmarks"))]
pub use moving::{Spelled, dump};
pub use packed::Packed;
#[cfg(any(test, feature = "benchmarks"))]
pub use packed::compact;
pub use postgres::PostgresStore;
pub use secrets::{Secrets, WrappedSecret};
pub use sqlite::{BUSY_TIMEOUT, SqliteStore};
pub use unsealed::{Unsealed, connect, is_served, migrate, open, upgrade};
pub use usage::{Connections, Usage};

/// What a store method returns.
pub type Result<T> = std::result::Result<T, StoreError>;

/// How a database is named, for messages.
const FORMS: &str = "write sqlite://PATH, for example sqlite:///var/lib/sickbay/sickbay.db, or postgres://USER:PASSWORD@HOST/DATABASE, \
                     or HOST,HOST for several servers of which one is the primary";

/// Where a database is.
enum Address<'a> {
    /// A file.
    Sqlite(&'a Path),
    /// A server, by the whole address.
    Postgres(&'a str),
}

/// The version of the schema that this build uses, the same for every database.
pub fn schema_version() -> i64 {
    SqliteStore::schema_version()
}

/// The address of a database as it may be shown: without its password.
pub fn shown(url: &str) -> String {
    const HIDDEN: &str = "***";
    let Some((scheme, rest)) = url.split_once("://").filter(|(s, _)| *s != "sqlite") else {
        return url.to_owned();
    };
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    // A password may hold any sign, the one before the host among them.
    let place = match place.rsplit_once('@') {
        Some((who, host)) => {
            let who = who
                .split_once(':')
                .map_or(who.to_owned(), |(user, _)| format!("{user}:{HIDDEN}"));
            format!("{who}@{host}")
        }
        None => place.to_owned(),
    };
    let hidden = |part: &str| match part.split_once('=') {
        Some((name @ ("password" | "sslpassword"), _)) => format!("{name}={HIDDEN}"),
        _ => part.to_owned(),
    };
    let query: Vec<String> = query
        .split('&')
        .filter(|p| !p.is_empty())
        .map(hidden)
        .collect();
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{scheme}://{place}{mark}{}", query.join("&"))
}

fn address(url: &str) -> Result<Address<'_>> {
    match url.split_once("://") {
        Some(("sqlite", path)) if !path.is_empty() => Ok(Address::Sqlite(Path::new(path))),
        Some(("postgres" | "postgresql", rest)) if !rest.is_empty() => Ok(Address::Postgres(url)),
        named => Err(StoreError::CannotOpen {
            // An address may hold a password.
            location: named.map_or(url, |(scheme, _)| scheme).to_owned(),
            reason: format!("this is no address of a database; {FORMS}"),
        }),
    }
}

/// Durable state of a Sickbay server.
#[async_trait]
pub trait Store: Secrets {
    // ---- health

    /// Copies every device so often, with its readings, findings and profile, and without its history; counters follow. For benchmarks.
    #[cfg(any(test, feature = "benchmarks"))]
    async fn copy_devices(&self, copies: u32) -> Result<()>;

    /// What the database takes on its disk. For benchmarks.
    #[cfg(any(test, feature = "benchmarks"))]
    async fn sizes(&self) -> Result<Sizes>;

    /// Gives room free that nobody uses any more: as the database does by itself in time, or by writing all of it anew. For benchmarks.
    #[cfg(any(test, feature = "benchmarks"))]
    async fn tidy(&self, anew: bool) -> Result<()>;

    /// Removes notes of changes that everybody has seen; says how many. A step of some ten thousand at most.
    async fn forget_changes(&self) -> Result<u64>;

    /// Writes and reads back a row, so that a full disk or a database that is away is noticed before anyone waits for it.
    async fn check_writable(&self, now: Time) -> Result<()>;

    /// How many transactions wrote since this store was opened, those that failed included.
    fn writes(&self) -> u64;

    /// How busy its connections are.
    fn usage(&self) -> Usage;

    /// Bytes that the database takes on its disk.
    async fn size_bytes(&self) -> Result<u64>;

    /// Closes every connection, so that all that is durable stands in one file where the database has files. Nothing may be asked
    /// afterwards.
    async fn close(&self);

    // ---- enrolment and identity

    /// Keeps a new enrolment token, by its hash; `by` made it.
    async fn create_token(&self, token: NewToken, by: &str) -> Result<TokenRow>;
    /// Every token, newest first.
    async fn tokens(&self) -> Result<Vec<TokenRow>>;
    /// The token of that hash, also one that is revoked, used up or has run out.
    async fn token(&self, hash: &[u8]) -> Result<Option<TokenRow>>;
    /// Revokes a token; `false` where there is none of that id. The first time and who it was are kept.
    async fn revoke_token(&self, id: Uuid, by: &str, now: Time) -> Result<bool>;
    /// For each machine: takes one use of its token and makes a device, or finds the device that already holds this key (which costs no
    /// use). Whether the device is active at once, and whose place it takes, is decided here, because it has to be true when it is written.
    /// All of it is one transaction; the outcomes are in the order of the requests.
    async fn enrol_all(&self, requests: Vec<EnrolRequest>) -> Result<Vec<EnrolOutcome>>;
    /// The same for one machine.
    async fn enrol(&self, request: EnrolRequest) -> Result<EnrolOutcome> {
        let mut outcomes = self.enrol_all(vec![request]).await?;
        Ok(outcomes.remove(0))
    }
    /// The device that holds the key of this SHA-256 (of its SubjectPublicKeyInfo).
    async fn device_by_key(&self, key_sha256: &[u8]) -> Result<Option<DeviceIdentity>>;
    /// The firmware id that a device enrolled with; `None` where there is no such device.
    async fn fingerprint(&self, key: i64) -> Result<Option<String>>;
    /// Remembers that certificates were issued, in one transaction. Says of each whether it is: the key of one that is not belongs to another
    /// device, or its serial number is another's.
    async fn record_certificates(&self, certificates: Vec<IssuedCertificate>) -> Result<Vec<bool>>;
    /// Changes the status of devices; returns those that changed, and those whose place they took. A device never leaves `Revoked` or
    /// `Replaced`.
    async fn set_status(
        &self,
        ids: &[Uuid],
        status: DeviceStatus,
        deed: &Deed,
    ) -> Result<Vec<DeviceIdentity>>;
    /// Has `into` stand in the places of these devices, which are the same machine by a person's word. Returns those that were replaced:
    /// none that is revoked, replaced already or `into` itself.
    async fn merge(&self, ids: &[Uuid], into: Uuid, deed: &Deed) -> Result<Vec<DeviceIdentity>>;
    /// Removes devices with all that is known of them; the record alone tells that they were. Only such as are retired, replaced or pending
    /// go: a key that is revoked stays known for ever.
    async fn delete_devices(&self, ids: &[Uuid], deed: &Deed) -> Result<Vec<DeviceIdentity>>;
    /// Active ephemeral devices that were silent for as long as they may be, at most `limit`. Silence before `listens_since` is not theirs.
    async fn ephemeral_ended(
        &self,
        now: Time,
        listens_since: Time,
        limit: u32,
    ) -> Result<Vec<DeviceIdentity>>;

    // ---- the CA

    /// The generations of the CA, the oldest first; none where it was never kept here.
    async fn ca(&self) -> Result<Vec<CaRow>>;
    /// Replaces them, if they are as `seen`, and records it; `false` where somebody else changed them.
    async fn change_ca(&self, seen: &[CaRow], wanted: &[CaRow], line: NewAudit) -> Result<bool>;
    /// How many active devices got a certificate at or after `since`, and one of `generation`.
    async fn ca_progress(&self, since: Time, generation: u32) -> Result<CaProgress>;

    // ---- the record of what was done

    /// What was recorded when these devices enrolled: of each, whether it was let in, and why.
    async fn how_enrolled(&self, ids: &[Uuid]) -> Result<Vec<(Uuid, String)>>;

    /// Adds lines to the record.
    async fn record(&self, lines: Vec<NewAudit>) -> Result<()>;
    /// Lines of the record, newest first.
    async fn audit(&self, query: &AuditQuery) -> Result<Vec<AuditRow>>;
    /// Whether every line of the record is as it was recorded.
    async fn verify_audit(&self) -> Result<Verified>;
    /// Seals the record as it stands with the key of this store, after a line that says so: for a key that was lost.
    async fn seal_audit_anew(&self, line: NewAudit) -> Result<()>;
    /// Removes the oldest lines of the record up to the first one since `before`, in one step at most so many; the newest line stays. Says
    /// how many went.
    async fn cut_audit(&self, before: Time, at_most: u32, now: Time) -> Result<u64>;

    // ---- several servers of one database, and commands beside them

    /// Waits until something may have been written, by whichever process, at most so long. One may wait at a time.
    async fn written(&self, at_most: Duration);
    /// Whether what one server does for all of them is this one's to do, until it is asked again. It becomes so when nobody else's is, and
    /// stays so while this server lives and reaches the database.
    async fn lead(&self) -> Result<bool>;
    /// Posts bulletins, in this order, for every server to read.
    async fn post(&self, sender: &str, bodies: &[String], now: Time) -> Result<()>;
    /// Bulletins after the last one that was `read`, at most so many; `None` begins with those to come.
    async fn bulletins(&self, read: Option<i64>, limit: u32) -> Result<Bulletins>;
    /// Removes bulletins from before then; says how many went.
    async fn forget_bulletins(&self, before: Time) -> Result<u64>;
    /// Devices that ceased to be active after the last change that was `seen`; `None` begins with those to come. So a running server
    /// learns of a revocation made by another process.
    async fn ended_since(&self, seen: Option<i64>) -> Result<EndedDevices>;
    /// What became different in the fleet since the last time that this was asked, whichever process wrote it. Unless it is to `follow`, what
    /// nobody's question has brought up yet is left for later, and nothing is read.
    async fn news(&self, follow: bool) -> Result<News>;

    // ---- the imported list of machines

    /// Replaces the list of machines that should have a collector. A machine that a device stands for, whatever its status, is not
    /// kept; every other one is a device with the status [`DeviceStatus::Listed`] and the open finding `never-enrolled`, until a device of
    /// its name enrols or reports. All of it is one transaction.
    async fn import_machines(
        &self,
        machines: Vec<ListedMachine>,
        by: &str,
        now: Time,
    ) -> Result<Imported>;

    // ---- ingest

    /// The stored state of devices, for diagnosis before a commit. Devices that do not exist are left out.
    async fn load_states(&self, keys: &[i64]) -> Result<Vec<DeviceState>>;
    /// Writes a batch in one transaction: all of it is durable on return. A change whose `expected_version` is not the stored one is
    /// left out and answered [`Committed::Conflict`]; so is one of a device that is not active (any more).
    async fn commit(&self, changes: &[DeviceChange]) -> Result<Vec<Committed>>;
    /// Notes that devices are alive and when their facts were last confirmed. Coalesced by the caller. Never moves a time backwards.
    async fn touch(&self, touches: &[Touch]) -> Result<()>;
    /// Keys of devices whose verdicts may have changed by `now`, oldest due first.
    async fn due(&self, now: Time, limit: u32) -> Result<Vec<i64>>;
    /// Keys above `after` of devices that something concerns, ascending: for diagnosing them again.
    async fn keys_after(&self, concerned: &Concerned, after: i64, limit: u32) -> Result<Vec<i64>>;
    /// How many active devices use which source, per kind and class in the order of `UpdateClass::ALL`.
    async fn source_counts(&self) -> Result<Vec<SourceCount>>;
    /// The same for the devices of a scope, counted.
    async fn source_counts_of(&self, filter: &Filter) -> Result<Vec<SourceCount>>;
    /// Revisions that at least `BASELINE_QUORUM` devices had, and since when.
    async fn seen_revisions(&self) -> Result<Vec<SeenRevision>>;
    /// Update client ids that more than one active device has.
    async fn shared_client_ids(&self) -> Result<Vec<String>>;

    // ---- updates

    /// What is kept of active devices above the key `after` for questions about updates, by key; also of those of which nothing is kept.
    async fn profiles_after(
        &self,
        scope: &Scope,
        filter: &Filter,
        after: i64,
        limit: u32,
    ) -> Result<Vec<Profiled>>;
    /// The same by name then key, with what a list shows of a device.
    async fn profiled_devices(
        &self,
        scope: &Scope,
        filter: &Filter,
        page: &Page,
    ) -> Result<Vec<ProfiledDevice>>;
    /// How many active devices run which revision.
    async fn revision_counts(&self, scope: &Scope) -> Result<Vec<RevisionCount>>;
    /// What devices said of updates, and what was imported.
    async fn learned_updates(&self) -> Result<Vec<LearnedRow>>;
    /// Adds what devices say. The most devices that ever said the same stay, and the earliest moment.
    async fn learn_updates(&self, rows: &[LearnedRow]) -> Result<()>;
    /// Replaces what was imported before.
    async fn import_updates(&self, rows: &[LearnedRow], by: &str, now: Time) -> Result<()>;

    // ---- acceptances

    /// Keeps an acceptance.
    async fn create_acceptance(&self, row: AcceptanceRow) -> Result<()>;
    /// Every acceptance, the newest first, those that are over too.
    async fn acceptances(&self) -> Result<Vec<AcceptanceRow>>;
    /// Ends one before its time; `false` where there is none of that id, or it is over.
    async fn end_acceptance(&self, id: Uuid, by: &str, now: Time) -> Result<bool>;

    // ---- what people look at

    /// Open and unknown findings per issue.
    async fn issue_counts(&self, scope: &Scope) -> Result<Vec<IssueCount>>;
    /// How the fleet stands.
    async fn fleet_counts(&self, scope: &Scope) -> Result<FleetCounts>;
    /// Keeps what was counted on days, for each scope, in the place of what was counted of them before; forgets the days before `since`.
    async fn keep_days(&self, days: &[(Scope, DayCounts)], since: Day) -> Result<()>;
    /// What was counted for a scope on each day from `since` on, the oldest first; a day that was not counted is left out.
    async fn days(&self, scope: &Scope, since: Day) -> Result<Vec<DayCounts>>;
    /// Findings of an issue with their devices, by name then key. The filter's `State` tests apply to the finding; without one, open
    /// and unknown ones are both given.
    async fn issue_devices(
        &self,
        scope: &Scope,
        issue: &str,
        filter: &Filter,
        page: &Page,
    ) -> Result<Vec<IssueDevice>>;
    /// These fields of the devices of an issue, or of all active ones, that match, as lists and exports need them. Fields of findings only
    /// with an issue; the same holds for orders.
    async fn cells(
        &self,
        scope: &Scope,
        issue: Option<&str>,
        filter: &Filter,
        fields: &[Field],
        order: Order,
        page: &Page,
    ) -> Result<Cells>;
    /// How many devices match, and how they fall into groups by these fields.
    async fn survey_devices(
        &self,
        scope: &Scope,
        filter: &Filter,
        fields: &[TextField],
    ) -> Result<Survey>;
    /// The same of the devices of an issue, with their causes.
    async fn survey_issue(
        &self,
        scope: &Scope,
        issue: &str,
        filter: &Filter,
        fields: &[TextField],
    ) -> Result<Survey>;
    /// How many findings of an issue match.
    async fn count_issue_devices(&self, scope: &Scope, issue: &str, filter: &Filter)
    -> Result<u64>;
    /// Active devices, by name then key.
    async fn devices(&self, scope: &Scope, filter: &Filter, page: &Page) -> Result<Vec<DeviceRow>>;
    /// Devices in one status, by name then key: those that wait for approval, were revoked or retired stand in no other list.
    async fn devices_with_status(
        &self,
        scope: &Scope,
        status: DeviceStatus,
        filter: &Filter,
        page: &Page,
    ) -> Result<Vec<DeviceRow>>;
    /// How many devices in one status match.
    async fn count_with_status(
        &self,
        scope: &Scope,
        status: DeviceStatus,
        filter: &Filter,
    ) -> Result<u64>;
    /// What devices, groups and causes have a text in their names.
    async fn search(&self, scope: &Scope, sought: &Sought) -> Result<InFleet>;
    /// How many active devices match.
    async fn count_devices(&self, scope: &Scope, filter: &Filter) -> Result<u64>;
    /// One device, whatever its status, with its observations and findings.
    async fn device(&self, scope: &Scope, id: Uuid) -> Result<Option<DeviceDetail>>;
    /// Who the devices of these keys are; those outside the scope are left out.
    async fn device_ids(&self, scope: &Scope, keys: &[i64]) -> Result<Vec<DeviceIdentity>>;
    /// The newest rows of history of active devices, newest first, each with its device and the device's name.
    async fn recent_history(
        &self,
        scope: &Scope,
        limit: u32,
    ) -> Result<Vec<(DeviceIdentity, String, HistoryRow)>>;
    /// What changed on a device, newest first; `before` is the id of the last row seen.
    async fn history(
        &self,
        scope: &Scope,
        id: Uuid,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<HistoryRow>>;

    /// Packs all but the fleet's newest rows of history, which are read most, into pages of their devices: at most so many, the oldest
    /// first, in a short transaction. Says how many it packed.
    async fn pack_history(&self, at_most: u32) -> Result<u64>;
    /// Removes changes from before then, at most so many: a short transaction. Says how many went; the oldest go first.
    async fn forget_history(&self, before: Time, at_most: u32) -> Result<u64>;

    // ---- access

    /// Keeps a sign-in link: of an account, or of nobody, which is an administrator's.
    async fn create_sign_in_link(
        &self,
        hash: &[u8],
        account: Option<Uuid>,
        expires_at: Time,
        line: NewAudit,
    ) -> Result<()>;
    /// Uses a link up; `None` where there is none, or it is over.
    async fn take_sign_in_link(&self, hash: &[u8], now: Time) -> Result<Option<TakenLink>>;
    /// Opens a session, with the line that says so.
    async fn create_session(&self, session: NewSession, line: NewAudit) -> Result<()>;
    /// A live session.
    async fn session(&self, hash: &[u8], now: Time) -> Result<Option<SessionRow>>;
    /// Every live session, the last used first.
    async fn sessions(&self, now: Time) -> Result<Vec<SessionRow>>;
    /// Notes that a session is used.
    async fn session_seen(&self, id: Uuid, now: Time) -> Result<()>;
    /// Notes that the source of a session's account was asked again, and by what it can be asked the next time.
    async fn session_checked(&self, id: Uuid, grant_sealed: Vec<u8>, now: Time) -> Result<()>;
    /// Ends a session; `false` where there is none.
    async fn end_session(&self, id: Uuid, line: NewAudit) -> Result<bool>;

    /// Makes a local account, without a password.
    async fn create_account(
        &self,
        name: &str,
        access: &Access,
        by: &str,
        now: Time,
    ) -> Result<AccountMade>;
    /// Every account, by name.
    async fn accounts(&self) -> Result<Vec<AccountRow>>;
    /// The account that a source knows by this.
    async fn account_of(&self, source: AccountSource, subject: &str) -> Result<Option<AccountRow>>;
    /// Takes over what a directory says of somebody, who gets an account where they have none.
    async fn learn_account(
        &self,
        source: AccountSource,
        subject: &str,
        name: &str,
        access: Option<&Access>,
        now: Time,
    ) -> Result<AccountRow>;
    /// Says what an account may do; `false` where there is none.
    async fn set_access(&self, id: Uuid, access: &Access, by: &str, now: Time) -> Result<bool>;
    /// Keeps the hash of a password; every other session of the account ends.
    async fn set_password(
        &self,
        id: Uuid,
        password: &str,
        keeps: Option<Uuid>,
        by: &str,
        now: Time,
    ) -> Result<bool>;
    /// Says whether an account may sign in; its sessions end where not.
    async fn set_disabled(&self, id: Uuid, disabled: bool, by: &str, now: Time) -> Result<bool>;

    /// Keeps an API token.
    async fn create_api_token(&self, token: NewApiToken) -> Result<ApiTokenRow>;
    /// Every API token, newest first.
    async fn api_tokens(&self) -> Result<Vec<ApiTokenRow>>;
    /// A live API token.
    async fn api_token(&self, hash: &[u8], now: Time) -> Result<Option<ApiTokenRow>>;
    /// Notes that an API token is used.
    async fn api_token_used(&self, id: Uuid, now: Time) -> Result<()>;
    /// Revokes an API token; `false` where there is none.
    async fn revoke_api_token(&self, id: Uuid, by: &str, now: Time) -> Result<bool>;

    // ---- settings

    /// A setting kept in the database, as JSON.
    async fn setting(&self, name: &str) -> Result<Option<String>>;
    /// Sets it.
    async fn put_setting(&self, name: &str, json: &str, line: NewAudit) -> Result<()>;
    /// Sets it if it still is as `seen`; `false` where somebody else set it meanwhile.
    async fn replace_setting(
        &self,
        name: &str,
        seen: Option<&str>,
        json: &str,
        line: NewAudit,
    ) -> Result<bool>;

    // ---- saved views

    /// Views that somebody is offered, by name: their own, and those of others that are for everybody.
    async fn views(&self, owner: &str) -> Result<Vec<ViewRow>>;
    /// Keeps a view in the place of its owner's other one of that name.
    async fn save_view(&self, view: ViewRow) -> Result<ViewSaved>;
    /// Removes a view of `owner`, or with `also_shared` one that is for everybody; `false` where there is none.
    async fn remove_view(&self, id: Uuid, owner: &str, also_shared: bool) -> Result<bool>;

    // ---- the imported knowledge

    /// Which knowledge pack was imported; `None` where none is kept. Cheap, for asking again and again.
    async fn knowledge_mark(&self) -> Result<Option<PackMark>>;
    /// The imported knowledge pack, as it came. Nobody verified it since it was kept.
    async fn knowledge_pack(&self) -> Result<Option<ImportedPack>>;
    /// Keeps a knowledge pack in the place of the one before.
    async fn put_knowledge_pack(&self, pack: ImportedPack) -> Result<()>;
    /// Forgets the imported knowledge pack; `false` where none is kept.
    async fn remove_knowledge_pack(&self, by: &str, now: Time) -> Result<bool>;
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn an_address_is_shown_without_its_password() {
        for (url, wanted) in [
            (
                "sqlite:///var/lib/sickbay/a@b:c.db",
                "sqlite:///var/lib/sickbay/a@b:c.db",
            ),
            ("postgres://db/sickbay", "postgres://db/sickbay"),
            (
                "postgres://me@db:5432/sickbay",
                "postgres://me@db:5432/sickbay",
            ),
            (
                "postgres://me:s3cret@db/sickbay",
                "postgres://me:***@db/sickbay",
            ),
            (
                "postgres://me:a@b:c@db/sickbay",
                "postgres://me:***@db/sickbay",
            ),
            (
                "postgres://sickbay:a,b@c@h1:5432,h2:5433/sickbay",
                "postgres://sickbay:***@h1:5432,h2:5433/sickbay",
            ),
            (
                "postgres://sickbay:s3cret@/sickbay?host=/run/a,/run/b&sslpassword=x",
                "postgres://sickbay:***@/sickbay?host=/run/a,/run/b&sslpassword=***",
            ),
            (
                "postgres://db/sickbay?sslmode=require&password=s3cret",
                "postgres://db/sickbay?sslmode=require&password=***",
            ),
        ] {
            assert_eq!(shown(url), wanted);
        }
    }
}
