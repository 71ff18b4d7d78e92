//! What every page, API call and job shares.

use std::sync::Arc;

use sickbay_store::Store;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::access::groups::Groups;
use crate::access::ldap::Directory;
use crate::access::openid::OpenId;
use crate::access::sealing::Sealing;
use crate::access::{Attempts, Rechecks};
use crate::clock::Clock;
use crate::config::Config;
use crate::events::Events;
use crate::export::jobs::Exports;
use crate::fleet::Fleet;
use crate::identity::ca::{Ca, CaError};
use crate::identity::enrolment::Liveness;
use crate::identity::tls::ServerIdentity;
use crate::ingest::Ingest;
use crate::metrics::Metrics;
use crate::rules::RulesInForce;
use crate::wire::ToCollector;

/// The running server, as its parts see it. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// Durable state.
    pub store: Arc<dyn Store>,
    /// Who is connected.
    pub fleet: Arc<Fleet>,
    /// The writer's queue.
    pub ingest: Ingest,
    /// Rules in force.
    pub rules: Arc<RulesInForce>,
    /// Told when stored rules change, so that they come into force at once.
    pub rules_news: Arc<tokio::sync::Notify>,
    /// Whether what one server does for all of them is this one's to do.
    pub leads: watch::Receiver<bool>,
    /// Held by the one preview that may walk the fleet at a time.
    pub previewing: Arc<tokio::sync::Semaphore>,
    /// Who listens to changes.
    pub events: Events,
    /// The clock.
    pub clock: Clock,
    /// Settings in force.
    pub config: Arc<Config>,
    /// The certificate authority.
    pub ca: Arc<Ca>,
    /// Since when silence means something.
    pub liveness: Liveness,
    /// The certificate that this server shows, and whom it lets in.
    pub identity: Arc<ServerIdentity>,
    /// How often passwords were tried.
    pub attempts: Arc<Attempts>,
    /// The directory that people sign in through, where there is one.
    pub directory: Option<Arc<Directory>>,
    /// The provider that people sign in through, where there is one.
    pub openid: Option<Arc<OpenId>>,
    /// Seals what browsers and the database keep for this server.
    pub sealing: Arc<Sealing>,
    /// What the groups of either give.
    pub groups: Arc<Groups>,
    /// When it is asked again.
    pub rechecks: Arc<Rechecks>,
    /// Files that are made while nobody waits.
    pub exports: Arc<Exports>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Fires when the server goes down; streams end with it.
    pub stop: CancellationToken,
}

impl App {
    /// Has stored rules that changed come into force at once, at every server.
    pub fn rules_changed(&self) {
        self.rules_news.notify_one();
        self.fleet.rules_changed();
    }

    /// Whether this server does now what one of them does for all.
    pub fn leads(&self) -> bool {
        *self.leads.borrow()
    }

    /// Has this server follow its CA after a step of a rotation: a certificate of its own by who issues now, and word to everyone who is
    /// connected.
    pub fn follow_ca(&self) -> Result<(), CaError> {
        let ca = self.ca.in_force();
        self.identity.renew(&ca, &self.clock)?;
        tracing::info!(
            phase = ca.phase().name(),
            ca_pin = ca.pin(),
            "the CA was changed"
        );
        let settings = crate::server::sessions(self).settings();
        self.fleet.tell_all(&ToCollector::Settings(settings));
        Ok(())
    }
}
