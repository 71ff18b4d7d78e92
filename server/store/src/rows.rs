//! Rows as every database gives them, and what they mean. Only types that all databases share.

use sickbay_diagnosis::Time;
use sickbay_diagnosis::verdict::{Kept, State};
use sqlx::FromRow;
use uuid::Uuid;

use crate::codes::{self, small, time};
use crate::{
    AccountRow, ApiTokenRow, DeviceIdentity, DeviceRow, DeviceSummary, Finding, HistoryRow,
    NewHistory, Result, StoreError, TokenRow,
};

/// Who a device is.
#[derive(Debug, FromRow)]
pub(crate) struct IdentityRow {
    pub(crate) key: i64,
    pub(crate) id: String,
    pub(crate) status: i64,
}

impl IdentityRow {
    pub(crate) fn read(self) -> Result<DeviceIdentity> {
        Ok(DeviceIdentity {
            key: self.key,
            id: codes::id(&self.id)?,
            status: codes::status(self.status)?,
        })
    }
}

/// The columns of `device_columns!`.
#[derive(Debug, FromRow)]
pub(crate) struct DeviceColumns {
    #[sqlx(flatten)]
    identity: IdentityRow,
    name: String,
    domain: String,
    ou: String,
    site: String,
    kind: String,
    release: String,
    build: Option<i64>,
    ubr: Option<i64>,
    edition: String,
    arch: String,
    client_id: String,
    stack: Option<i64>,
    tags: String,
    reported_tags: String,
    source_quality: Option<String>,
    source_feature: Option<String>,
    source_driver: Option<String>,
    source_other: Option<String>,
    primary_issue: String,
    open_count: i64,
    serious_count: i64,
    unknown_count: i64,
    accepted_count: i64,
    last_seen_at: Option<i64>,
    last_report_at: Option<i64>,
    enrolled_at: i64,
}

impl DeviceColumns {
    pub(crate) const fn key(&self) -> i64 {
        self.identity.key
    }

    /// Tags that its token gave it.
    pub(crate) fn token_tags(&self) -> Result<Vec<String>> {
        codes::tags(&self.tags)
    }

    pub(crate) fn read(self) -> Result<DeviceRow> {
        let number = |value: Option<i64>| value.map(|value| small("build", value)).transpose();
        let source = |value: Option<String>| value.map(|value| codes::source(&value)).transpose();
        let reported_tags = codes::tags(&self.reported_tags)?;
        let tags = codes::all_tags(&codes::tags(&self.tags)?, &reported_tags);
        Ok(DeviceRow {
            identity: self.identity.read()?,
            summary: DeviceSummary {
                name: self.name,
                domain: self.domain,
                ou: self.ou,
                site: self.site,
                kind: self.kind,
                release: self.release,
                build: number(self.build)?,
                ubr: number(self.ubr)?,
                edition: self.edition,
                arch: self.arch,
                sources: [
                    source(self.source_quality)?,
                    source(self.source_feature)?,
                    source(self.source_driver)?,
                    source(self.source_other)?,
                ],
                primary_issue: self.primary_issue,
                client_id: self.client_id,
                stack: number(self.stack)?,
                reported_tags,
            },
            tags,
            last_seen_at: time(self.last_seen_at),
            last_report_at: time(self.last_report_at),
            enrolled_at: Time::from_millis(self.enrolled_at),
            open: small("count", self.open_count)?,
            serious: small("count", self.serious_count)?,
            unknown: small("count", self.unknown_count)?,
            accepted: small("count", self.accepted_count)?,
        })
    }
}

/// The columns of `finding_columns!`.
#[derive(Debug, FromRow)]
pub(crate) struct FindingColumns {
    pub(crate) device_key: i64,
    issue: String,
    state: i64,
    severity: Option<i64>,
    summary: String,
    causes: String,
    since: i64,
    changed_at: i64,
    accepted_until: Option<i64>,
}

impl FindingColumns {
    pub(crate) fn read(self) -> Result<Finding> {
        let state = match codes::kept(self.state)? {
            Kept::Open | Kept::Accepted => State::Open,
            Kept::Unknown => State::Unknown,
        };
        Ok(Finding {
            issue: self.issue,
            state,
            severity: self.severity.map(codes::severity).transpose()?,
            summary: self.summary,
            causes: codes::causes(&self.causes)?,
            since: Time::from_millis(self.since),
            changed_at: Time::from_millis(self.changed_at),
            accepted_until: time(self.accepted_until),
        })
    }
}

/// A row of history.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub(crate) struct HistoryColumns {
    pub(crate) id: i64,
    pub(crate) at: i64,
    pub(crate) issue: String,
    pub(crate) from_state: i64,
    pub(crate) to_state: i64,
    pub(crate) causes: String,
    pub(crate) summary: String,
}

impl HistoryColumns {
    pub(crate) fn read(self) -> Result<HistoryRow> {
        Ok(HistoryRow {
            id: self.id,
            at: Time::from_millis(self.at),
            change: NewHistory {
                issue: self.issue,
                from: codes::state(self.from_state)?,
                to: codes::state(self.to_state)?,
                causes: codes::causes(&self.causes)?,
                summary: self.summary,
            },
        })
    }
}

/// An enrolment token.
#[derive(Debug, FromRow)]
pub(crate) struct TokenColumns {
    id: String,
    name: String,
    approves: i64,
    tags: String,
    scope: String,
    expires_at: Option<i64>,
    use_limit: Option<i64>,
    per_hour: Option<i64>,
    ephemeral_ms: Option<i64>,
    uses: i64,
    created_at: i64,
    revoked_at: Option<i64>,
}

impl TokenColumns {
    pub(crate) fn read(self) -> Result<TokenRow> {
        Ok(TokenRow {
            id: codes::id(&self.id)?,
            name: self.name,
            approval: codes::approval(self.approves)?,
            tags: codes::tags(&self.tags)?,
            scope: self.scope,
            expires_at: time(self.expires_at),
            use_limit: self
                .use_limit
                .map(|limit| small("use limit", limit))
                .transpose()?,
            per_hour: self.per_hour.map(|most| small("rate", most)).transpose()?,
            ephemeral_ms: self.ephemeral_ms,
            uses: small("uses", self.uses)?,
            created_at: Time::from_millis(self.created_at),
            revoked_at: time(self.revoked_at),
        })
    }
}

/// An API token.
#[derive(Debug, FromRow)]
pub(crate) struct ApiTokenColumns {
    id: String,
    name: String,
    role: i64,
    scope: String,
    made_by: String,
    created_at: i64,
    used_at: Option<i64>,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
}

impl ApiTokenColumns {
    pub(crate) fn read(self) -> Result<ApiTokenRow> {
        let access = codes::access(self.role, &self.scope)?;
        Ok(ApiTokenRow {
            id: codes::id(&self.id)?,
            name: self.name,
            access: access.ok_or_else(|| StoreError::Corrupt {
                what: "role of an API token",
                reason: "it has none".to_owned(),
            })?,
            made_by: self.made_by,
            created_at: Time::from_millis(self.created_at),
            used_at: time(self.used_at),
            expires_at: time(self.expires_at),
            revoked_at: time(self.revoked_at),
        })
    }
}

/// The columns of `account_columns!`.
#[derive(Debug, FromRow)]
pub(crate) struct AccountColumns {
    id: String,
    source: i64,
    subject: String,
    name: String,
    role: i64,
    scope: String,
    password: String,
    created_at: i64,
    signed_in_at: Option<i64>,
    disabled_at: Option<i64>,
}

impl AccountColumns {
    pub(crate) fn read(self) -> Result<AccountRow> {
        Ok(AccountRow {
            id: codes::id(&self.id)?,
            source: codes::account_source(self.source)?,
            subject: self.subject,
            name: self.name,
            access: codes::access(self.role, &self.scope)?,
            password: self.password,
            created_at: Time::from_millis(self.created_at),
            signed_in_at: time(self.signed_in_at),
            disabled_at: time(self.disabled_at),
        })
    }

    /// The account of that id, which a join has found.
    pub(crate) fn read_of(self, id: Uuid) -> Result<AccountRow> {
        if self.id.is_empty() {
            return Err(StoreError::Corrupt {
                what: "account of a session",
                reason: format!("there is no account {id}"),
            });
        }
        self.read()
    }
}
