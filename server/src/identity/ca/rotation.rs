//! The steps of a rotation: what each makes of the generations, and who may take it when.

use std::sync::Arc;

use rcgen::{Issuer, KeyPair};
use rustls::pki_types::CertificateDer;
use sickbay_diagnosis::Time;
use sickbay_store::{CaProgress, CaRow, NewAudit, Standing, action};

use super::certificate::{BACKDATED_MINUTES, ca_params, crossed, validity_of};
use super::files::{key_name, load, tidy};
use super::{Ca, CaError, InForce, unusable};

/// A step of a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Make the next generation, and have everybody trust both.
    Announce,
    /// Issue by the next generation.
    Switch,
    /// Trust the old generation no more. Its key is removed.
    Retire,
    /// Undo the last step.
    BackOut,
}

/// Where a rotation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// One generation, which issues and is trusted.
    Steady,
    /// The next generation is known, both are trusted.
    Announced,
    /// The next generation issues, both are trusted.
    Switched,
}

impl Phase {
    /// The word of the command line, pages and API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Steady => "steady",
            Self::Announced => "announced",
            Self::Switched => "switched",
        }
    }
}

impl Ca {
    /// How far the devices have come with the rotation that is under way: told of the newest generation, and moved to it.
    pub async fn progress(&self) -> Result<CaProgress, CaError> {
        let in_force = self.in_force();
        let newest = in_force.rows.last();
        let (generation, since) = newest.map_or((0, Time::from_millis(0)), |row| {
            (row.generation, made_at(row))
        });
        Ok(self.store.ca_progress(since, generation).await?)
    }

    /// Takes a step of a rotation, for `by`. `force` retires a generation although devices still hold its certificates; they recover.
    pub async fn rotate(
        &self,
        step: Step,
        by: &str,
        force: bool,
        now: Time,
    ) -> Result<Arc<InForce>, CaError> {
        self.reload().await?;
        let before = self.in_force();
        let (wanted, said) = match step {
            Step::Announce => self.announced(&before, now).await?,
            Step::Switch => switched(&before.rows, now)?,
            Step::Retire => {
                let progress = self.progress().await?;
                if progress.moved < progress.devices && !force {
                    return Err(CaError::NotNow(format!(
                        "{} of {} active devices hold no certificate of the new CA yet. Those that are switched off come home by themselves \
                         later, also after this step; take it with --force if you do not want to wait for them",
                        progress.devices - progress.moved,
                        progress.devices
                    )));
                }
                retired(&before.rows, now)?
            }
            Step::BackOut => backed_out(&before.rows, now)?,
        };
        // What this server could not serve is no step to take.
        let done = match load(&self.keys, wanted.clone()).await {
            Ok(_) => {
                let said = line(by, now, &said);
                self.store.change_ca(&before.rows, &wanted, said).await
            }
            Err(error) => {
                self.forget_key(step, &wanted).await?;
                return Err(error);
            }
        };
        // A database that does not answer may have taken the step: the key stays.
        if !done? {
            self.forget_key(step, &wanted).await?;
            return Err(CaError::NotNow(
                "somebody else changed the CA at this moment; look where it stands and try again"
                    .to_owned(),
            ));
        }
        self.reload().await?;
        let after = self.in_force();
        // Only once nothing issues by a retired key any more.
        tidy(&self.keys, &after.rows).await?;
        Ok(after)
    }

    /// Removes the key of a generation that came to nothing.
    async fn forget_key(&self, step: Step, wanted: &[CaRow]) -> Result<(), CaError> {
        match wanted.last() {
            Some(row) if step == Step::Announce => Ok(self.keys.remove(&key_name(row)).await?),
            _ => Ok(()),
        }
    }

    async fn announced(
        &self,
        before: &InForce,
        now: Time,
    ) -> Result<(Vec<CaRow>, String), CaError> {
        if before.phase() != Phase::Steady {
            return Err(CaError::NotNow(format!(
                "a rotation is under way ({}): finish it, or back out of it",
                before.phase().name()
            )));
        }
        let generation = 1 + before.rows.last().map_or(0, |row| row.generation);
        let key = KeyPair::generate().map_err(unusable("the new CA key"))?;
        let params = ca_params(generation, now);
        let certificate = params
            .self_signed(&key)
            .map_err(unusable("the new CA certificate"))?;
        let cross = crossed(&params)
            .signed_by(&key, &before.issuer)
            .map_err(unusable("the new CA's certificate by the old one"))?;
        let next = Issuer::from_ca_cert_der(certificate.der(), &key)
            .map_err(unusable("the new CA certificate"))?;
        let back = crossed(&ca_params(before.issuing.generation, now))
            .signed_by(before.issuer.key(), &next)
            .map_err(unusable("the old CA's certificate by the new one"))?;
        let mut rows = before.rows.clone();
        for row in &mut rows {
            if row.standing == Standing::Issuing {
                row.by_newer = Some(back.der().to_vec());
            }
        }
        let row = CaRow {
            generation,
            standing: Standing::Next,
            certificate: certificate.der().to_vec(),
            by_older: Some(cross.der().to_vec()),
            by_newer: None,
            since: now,
        };
        // Before the row that needs it, for every server of the database.
        let pem = key.serialize_pem();
        self.keys.put(&key_name(&row), &pem).await?;
        rows.push(row);
        Ok((rows, format!("generation {generation} is announced")))
    }
}

/// When a generation was made: its certificate says so, to the second.
fn made_at(row: &CaRow) -> Time {
    validity_of(&CertificateDer::from(row.certificate.as_slice())).map_or(row.since, |(from, _)| {
        from.plus_millis(BACKDATED_MINUTES * 60_000)
    })
}

fn switched(rows: &[CaRow], now: Time) -> Result<(Vec<CaRow>, String), CaError> {
    let next = rows.iter().find(|row| row.standing == Standing::Next);
    let Some(next) = next.map(|row| row.generation) else {
        return Err(CaError::NotNow(
            "no next CA is announced: `ca rotate announce` comes first".to_owned(),
        ));
    };
    let moved = restanding(rows, now, |row| match row.standing {
        Standing::Issuing => Standing::Trusted,
        Standing::Next => Standing::Issuing,
        other => other,
    });
    Ok((moved, format!("generation {next} issues")))
}

fn retired(rows: &[CaRow], now: Time) -> Result<(Vec<CaRow>, String), CaError> {
    let old = rows.iter().find(|row| row.standing == Standing::Trusted);
    let Some(old) = old.map(|row| row.generation) else {
        return Err(CaError::NotNow(
            "no old CA waits to be retired: `ca rotate switch` comes first".to_owned(),
        ));
    };
    let moved = restanding(rows, now, |row| match row.standing {
        Standing::Trusted => Standing::Retired,
        other => other,
    });
    Ok((moved, format!("generation {old} is retired")))
}

/// One step back: from switched to announced, from announced to what was before. A generation that is dropped stays known as retired: some
/// device may hold a certificate of it, and comes home by it.
fn backed_out(rows: &[CaRow], now: Time) -> Result<(Vec<CaRow>, String), CaError> {
    let has = |standing| rows.iter().find(|row| row.standing == standing);
    if let Some(old) = has(Standing::Trusted) {
        let said = format!("back to generation {}, which issues again", old.generation);
        let moved = restanding(rows, now, |row| match row.standing {
            Standing::Trusted => Standing::Issuing,
            Standing::Issuing => Standing::Next,
            other => other,
        });
        return Ok((moved, said));
    }
    let Some(next) = has(Standing::Next) else {
        return Err(CaError::NotNow(
            "no rotation is under way; a CA that was retired does not come back".to_owned(),
        ));
    };
    let said = format!("generation {} is dropped", next.generation);
    let moved = restanding(rows, now, |row| match row.standing {
        Standing::Next => Standing::Retired,
        other => other,
    });
    Ok((moved, said))
}

fn restanding(rows: &[CaRow], now: Time, to: impl Fn(&CaRow) -> Standing) -> Vec<CaRow> {
    rows.iter()
        .map(|row| {
            let standing = to(row);
            let since = if standing == row.standing {
                row.since
            } else {
                now
            };
            CaRow {
                standing,
                since,
                ..row.clone()
            }
        })
        .collect()
}

pub(super) fn line(by: &str, now: Time, said: &str) -> NewAudit {
    NewAudit {
        at: now,
        actor: by.to_owned(),
        action: action::CA_ROTATION,
        device: None,
        subject: "the CA".to_owned(),
        detail: said.to_owned(),
    }
}
