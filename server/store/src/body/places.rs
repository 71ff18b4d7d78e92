//! The place of a machine, its host name and domain: who holds it, whether the imported list names it, and how it is taken.

use sickbay_diagnosis::Time;
use sqlx::FromRow;

use super::{Connection, Db, status};
use crate::admission::{self, Admission, Holder, Sponsor};
use crate::error::During;
use crate::machine_list::same_domain;
use crate::tally::Tally;
use crate::{
    Approval, DeviceIdentity, DeviceStatus, Ended, EnrolRequest, NewAudit, Result, action, codes,
};

statements! {
    /// Devices of a name: active ones, and those that were thrown out or left.
    HOLDERS = "SELECT key, id, status, domain, fingerprint, COALESCE(last_seen_at, enrolled_at) AS heard_at FROM device \
               WHERE name_lower = $1 AND status IN (1, 2, 3) ORDER BY key";
    /// Domains under which the imported list has a name.
    LISTED = "SELECT domain FROM listed_name WHERE name_lower = $1";
    /// The place of a device.
    OF_DEVICE = "SELECT name, domain, fingerprint FROM device WHERE key = $1";
}

const LOOK: &str = "look who holds a machine's place";

/// A machine's place, with what it says of its firmware.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) name: String,
    pub(super) name_lower: String,
    pub(super) domain: String,
    pub(super) fingerprint: String,
}

#[derive(FromRow)]
struct PlaceRow {
    name: String,
    domain: String,
    fingerprint: String,
}

#[derive(FromRow)]
struct HolderRow {
    key: i64,
    id: String,
    status: i64,
    domain: String,
    fingerprint: String,
    heard_at: i64,
}

/// The place of a device; nothing where there is none of that key.
pub(super) async fn of_device(connection: &mut Connection, key: i64) -> Result<Option<Place>> {
    let row = sqlx::query_as::<Db, PlaceRow>(OF_DEVICE)
        .bind(key)
        .fetch_optional(connection)
        .await
        .during(LOOK)?;
    Ok(row.map(|row| Place {
        name_lower: row.name.to_ascii_lowercase(),
        name: row.name,
        domain: row.domain,
        fingerprint: row.fingerprint,
    }))
}

impl Place {
    /// The place that a machine asks for.
    pub(super) fn of(request: &EnrolRequest) -> Self {
        let name = codes::text(&request.host_name);
        Self {
            name_lower: name.to_ascii_lowercase(),
            name,
            domain: codes::text(&request.domain),
            fingerprint: codes::text(&request.fingerprint),
        }
    }

    /// Whether a machine that asks for it now is let in, and whom it replaces.
    pub(super) async fn decide(
        &self,
        connection: &mut Connection,
        sponsor: Sponsor,
        request: &EnrolRequest,
    ) -> Result<Admission> {
        self.admission(connection, sponsor, request.live_since)
            .await
    }

    /// As [`Place::decide`], where a device heard of at or after `live_since` counts as live.
    pub(super) async fn admission(
        &self,
        connection: &mut Connection,
        sponsor: Sponsor,
        live_since: Time,
    ) -> Result<Admission> {
        // What cannot take anybody's place need not look who is there.
        let (holders, listed) = match sponsor {
            Sponsor::Token(Approval::Person) => (Vec::new(), false),
            Sponsor::Token(Approval::List) => {
                let domains = self.listed_domains(connection).await?;
                let holders = self.holders(connection, live_since, &domains).await?;
                (holders, !domains.is_empty())
            }
            _ => (self.holders(connection, live_since, &[]).await?, false),
        };
        Ok(admission::decide(
            sponsor,
            listed,
            &self.fingerprint,
            holders,
        ))
    }

    /// Devices of the place. An entry of the list that does not say its domain in full may be of several places: whoever holds any of them
    /// holds this one.
    async fn holders(
        &self,
        connection: &mut Connection,
        live_since: Time,
        listed: &[String],
    ) -> Result<Vec<Holder>> {
        let rows = sqlx::query_as::<Db, HolderRow>(HOLDERS)
            .bind(self.name_lower.clone())
            .fetch_all(connection)
            .await
            .during(LOOK)?;
        let is_here = |row: &HolderRow| {
            let mut domains = listed.iter().chain([&self.domain]);
            domains.any(|domain| same_domain(&row.domain, domain))
        };
        let here = rows.into_iter().filter(is_here);
        here.map(|row| {
            Ok(Holder {
                key: row.key,
                id: row.id,
                status: codes::status(row.status)?,
                fingerprint: row.fingerprint,
                heard: row.heard_at >= live_since.millis(),
            })
        })
        .collect()
    }

    /// Domains of the entries of the imported list that this machine may be.
    async fn listed_domains(&self, connection: &mut Connection) -> Result<Vec<String>> {
        let mut domains = sqlx::query_scalar::<Db, String>(LISTED)
            .bind(self.name_lower.clone())
            .fetch_all(connection)
            .await
            .during(LOOK)?;
        domains.retain(|domain| same_domain(domain, &self.domain));
        Ok(domains)
    }
}

/// Has `device` stand in these places. Gives the lines for the record.
pub(super) async fn take(
    connection: &mut Connection,
    holders: &[Holder],
    device: &DeviceIdentity,
    name: &str,
    by: &str,
    now: Time,
    tally: &mut Tally,
) -> Result<Vec<NewAudit>> {
    // A newcomer that was created a moment ago, in this transaction, holds its own place.
    let former: Vec<&Holder> = holders.iter().filter(|h| h.key != device.key).collect();
    if former.is_empty() {
        return Ok(Vec::new());
    }
    let steps: Vec<status::Step> = former
        .iter()
        .map(|holder| status::Step {
            key: holder.key,
            status: DeviceStatus::Replaced,
            ended: Some(Ended::Reimaged),
            successor: Some(device.key),
        })
        .collect();
    status::apply(connection, &steps, now, tally).await?;
    former
        .into_iter()
        .map(|holder| {
            Ok(NewAudit {
                at: now,
                actor: by.to_owned(),
                action: action::REPLACED,
                device: Some(codes::id(&holder.id)?),
                subject: name.to_owned(),
                detail: format!("device {} stands in its place", device.id),
            })
        })
        .collect()
}
