//! The one place that knows SQL: devices, facts, findings, history, access.
//!
//! One method is one transaction; no transaction handle crosses [`Store`]. Every query about devices takes the viewer's [`Scope`].
//! A device is known outside by its UUID and inside by a sequential integer, its *key*. Times are milliseconds UTC.
//!
//! What it leaves out: it decides nothing. Diagnosis happens before [`Store::commit`], acknowledgement after.

mod error;
mod model;

use async_trait::async_trait;
use sickbay_diagnosis::Time;
use sickbay_diagnosis::filter::Filter;
use uuid::Uuid;

pub use error::StoreError;
pub use model::*;

/// What a store method returns.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Durable state of a Sickbay server.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    // ---- health

    /// Writes and reads back a row, so that a full disk or a database that is away is noticed before anyone waits for it.
    async fn check_writable(&self, now: Time) -> Result<()>;

    // ---- enrolment and identity

    /// Keeps a new enrolment token, by its hash.
    async fn create_token(&self, token: NewToken) -> Result<TokenRow>;
    /// Every token, newest first.
    async fn tokens(&self) -> Result<Vec<TokenRow>>;
    /// Revokes a token; `false` where there is none of that id.
    async fn revoke_token(&self, id: Uuid, now: Time) -> Result<bool>;
    /// Takes one use of a token and makes a pending device, or finds the device that already holds this key (which costs no use).
    async fn enrol(&self, request: EnrolRequest) -> Result<EnrolOutcome>;
    /// The device that holds the key of this SHA-256 (of its SubjectPublicKeyInfo).
    async fn device_by_key(&self, key_sha256: &[u8]) -> Result<Option<DeviceIdentity>>;
    /// Remembers that a certificate was issued.
    async fn record_certificate(&self, certificate: IssuedCertificate) -> Result<()>;
    /// Changes the status of devices; returns those that changed. A device never leaves `Revoked`.
    async fn set_status(&self, ids: &[Uuid], status: DeviceStatus, now: Time) -> Result<Vec<DeviceIdentity>>;

    // ---- ingest

    /// The stored state of devices, for diagnosis before a commit. Devices that do not exist are left out.
    async fn load_states(&self, keys: &[i64]) -> Result<Vec<DeviceState>>;
    /// Writes a batch in one transaction: all of it is durable on return. A change whose `expected_version` is not the stored one is
    /// left out and answered [`Committed::Conflict`].
    async fn commit(&self, changes: Vec<DeviceChange>) -> Result<Vec<Committed>>;
    /// Notes that devices are alive and when their facts were last confirmed. Coalesced by the caller. Never moves a time backwards.
    async fn touch(&self, touches: &[Touch]) -> Result<()>;
    /// Keys of devices whose verdicts may have changed by `now`, oldest due first.
    async fn due(&self, now: Time, limit: u32) -> Result<Vec<i64>>;
    /// Keys of active devices above `after`, ascending: for diagnosing the whole fleet again.
    async fn keys_after(&self, after: i64, limit: u32) -> Result<Vec<i64>>;
    /// How many active devices use which source, per class in the order of `UpdateClass::ALL`.
    async fn source_counts(&self) -> Result<Vec<SourceCount>>;

    // ---- what people look at

    /// Open and unknown findings per issue.
    async fn issue_counts(&self, scope: &Scope) -> Result<Vec<IssueCount>>;
    /// How the fleet stands.
    async fn fleet_counts(&self, scope: &Scope) -> Result<FleetCounts>;
    /// Findings of an issue with their devices, by name then key. The filter's `State` tests apply to the finding; without one, open
    /// and unknown ones are both given.
    async fn issue_devices(&self, scope: &Scope, issue: &str, filter: &Filter, page: &Page) -> Result<Vec<IssueDevice>>;
    /// How many devices share each cause of an issue, most first. A device with two causes counts in both groups.
    async fn issue_causes(&self, scope: &Scope, issue: &str, filter: &Filter) -> Result<Vec<CauseCount>>;
    /// How many findings of an issue match.
    async fn count_issue_devices(&self, scope: &Scope, issue: &str, filter: &Filter) -> Result<u64>;
    /// Devices, by name then key.
    async fn devices(&self, scope: &Scope, filter: &Filter, page: &Page) -> Result<Vec<DeviceRow>>;
    /// How many devices match.
    async fn count_devices(&self, scope: &Scope, filter: &Filter) -> Result<u64>;
    /// One device, with its observations and findings.
    async fn device(&self, scope: &Scope, id: Uuid) -> Result<Option<DeviceDetail>>;
    /// What changed on a device, newest first; `before` is the id of the last row seen.
    async fn history(&self, scope: &Scope, id: Uuid, before: Option<i64>, limit: u32) -> Result<Vec<HistoryRow>>;

    // ---- access

    /// Keeps a one-time sign-in link, by the hash of its secret.
    async fn create_sign_in_link(&self, hash: &[u8], expires_at: Time) -> Result<()>;
    /// Uses a sign-in link up; `false` where it is unknown, used or expired.
    async fn take_sign_in_link(&self, hash: &[u8], now: Time) -> Result<bool>;
    /// Keeps a session, by the hash of its secret.
    async fn create_session(&self, session: NewSession) -> Result<()>;
    /// The live session of that hash.
    async fn session(&self, hash: &[u8], now: Time) -> Result<Option<SessionRow>>;
    /// Ends a session.
    async fn end_session(&self, hash: &[u8]) -> Result<()>;
    /// Keeps an API token, by its hash.
    async fn create_api_token(&self, token: NewApiToken) -> Result<ApiTokenRow>;
    /// Every API token, newest first.
    async fn api_tokens(&self) -> Result<Vec<ApiTokenRow>>;
    /// The API token of that hash, if it is neither revoked nor expired.
    async fn api_token(&self, hash: &[u8], now: Time) -> Result<Option<ApiTokenRow>>;
    /// Revokes an API token; `false` where there is none of that id.
    async fn revoke_api_token(&self, id: Uuid, now: Time) -> Result<bool>;

    // ---- settings

    /// A setting kept in the database, as JSON.
    async fn setting(&self, name: &str) -> Result<Option<String>>;
    /// Sets it.
    async fn put_setting(&self, name: &str, json: &str, now: Time) -> Result<()>;
}
