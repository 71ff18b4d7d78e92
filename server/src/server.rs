//! Wires the parts to a running server, for `serve`, `demo` and tests.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use sickbay_diagnosis::context::FleetContext;
use sickbay_diagnosis::explanation::ClaimTally;
use sickbay_store::Store;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::access::PeerAddress;
use crate::access::groups::Groups;
use crate::access::ldap::Directory;
use crate::access::openid::OpenId;
use crate::access::sealing::Sealing;
use crate::app::App;
use crate::clock::Clock;
use crate::collectors;
use crate::config::Config;
use crate::events::Events;
use crate::export::jobs::Exports;
use crate::fleet::Fleet;
use crate::fleet::session::Sessions;
use crate::health;
use crate::identity::ca::Ca;
use crate::identity::desk::Desk;
use crate::identity::enrolment::{Enrolments, Liveness};
use crate::identity::tls::{self, Door, ServerIdentity};
use crate::ingest;
use crate::jobs;
use crate::jobs::leading::Leading;
use crate::knowledge_pack::InForce;
use crate::metrics::Metrics;
use crate::rules::{Rules, RulesInForce};
use crate::storage;
use crate::throttle::Throttle;
use crate::updates;
use crate::web::{self, TlsListener};
use crate::wishes;

/// How long a stopping server waits for open requests.
const GRACE: Duration = Duration::from_secs(5);

/// A server that is up.
pub struct Running {
    /// What its parts share.
    pub app: App,
    /// Where collectors reach it.
    pub collectors: SocketAddr,
    /// Where browsers reach it.
    pub web: SocketAddr,
    /// Where monitoring reaches it.
    pub health: SocketAddr,
    servers: JoinSet<anyhow::Result<()>>,
    jobs: JoinSet<()>,
    writer: JoinHandle<()>,
}

/// Opens the data folder: the CA and the database, with its schema brought up to date.
pub async fn open(config: &Config, clock: &Clock) -> anyhow::Result<(Arc<dyn Store>, Ca)> {
    let folder = &config.storage.data_dir;
    tokio::fs::create_dir_all(folder).await.with_context(|| {
        format!(
            "cannot make the data folder {} (storage.data_dir): create it and give it to the server's account",
            folder.display()
        )
    })?;
    let (store, keys) = storage::open_with_keys(&config.storage).await?;
    let ca = Ca::open_or_make(Arc::clone(&store), &keys, clock.now()).await?;
    Ok((store, ca))
}

impl Running {
    /// Starts everything. Every port is bound before this returns.
    pub async fn start(config: Config, clock: Clock) -> anyhow::Result<Self> {
        let (store, ca) = open(&config, &clock).await?;
        Self::start_with(config, clock, store, ca).await
    }

    /// Starts over a store and a CA that are open already.
    pub async fn start_with(
        config: Config,
        clock: Clock,
        store: Arc<dyn Store>,
        ca: Ca,
    ) -> anyhow::Result<Self> {
        let stop = CancellationToken::new();
        let metrics = Arc::new(Metrics::new());
        let events = Events::default();
        let known = InForce::load(store.as_ref(), &config.knowledge.trusted()?).await?;
        known.log();
        let rules = Arc::new(RulesInForce::new(Rules {
            knowledge: known.knowledge,
            knowledge_origin: known.origin,
            wishes: jobs::context::in_force(&config, &wishes::stored(store.as_ref()).await?),
            fleet: FleetContext {
                updates: updates::learned(store.as_ref(), &ClaimTally::default()).await?,
                ..FleetContext::default()
            },
            ..Rules::default()
        }));
        let (ingest, writer) = ingest::new(
            Arc::clone(&store),
            Arc::clone(&rules),
            clock.clone(),
            Arc::clone(&metrics),
        );
        let identity = ServerIdentity::issue(&ca.in_force(), &config.collectors, &clock)?;
        let directory = Directory::open(&config.sign_in.ldap)?.map(Arc::new);
        let openid = OpenId::open(&config.sign_in.openid, &config.web)?.map(Arc::new);
        let sealing = Sealing::open_or_make(ca.keys()).await?;
        let groups = Groups::read(&config.sign_in.groups)?;
        let exports = Exports::open(&config.storage.data_dir)
            .context("cannot empty the folder `exports` of the data folder (storage.data_dir)")?;
        let (leading, leads) = Leading::begin(store.as_ref()).await;
        let app = App {
            leads,
            liveness: Liveness::new(config.collectors.heartbeat_interval_s, clock.now()),
            identity: Arc::clone(&identity),
            store,
            fleet: Arc::new(Fleet::default()),
            ingest,
            rules,
            rules_news: Arc::default(),
            previewing: Arc::new(tokio::sync::Semaphore::new(1)),
            events,
            clock,
            config: Arc::new(config),
            ca: Arc::new(ca),
            attempts: Arc::default(),
            directory,
            openid,
            sealing: Arc::new(sealing),
            groups: Arc::new(groups),
            rechecks: Arc::default(),
            exports: Arc::new(exports),
            metrics,
            stop,
        };

        let collector_listener = collectors::bind(app.config.collectors.listen).await?;
        let web_listener = web::bind(app.config.web.listen).await?;
        let health_listener = tokio::net::TcpListener::bind(app.config.health.listen)
            .await
            .with_context(|| {
                format!(
                    "cannot listen for monitoring on {} (health.listen): another program may use the port, or the address may not be this machine's",
                    app.config.health.listen
                )
            })?;
        let addresses = (
            collector_listener.local_addr()?,
            web_listener.local_addr()?,
            health_listener.local_addr()?,
        );

        let mut servers = JoinSet::new();
        servers.spawn(collectors::serve(
            collector_listener,
            Door {
                config: tls::collectors_config(Arc::clone(&identity), &app.clock)?,
                ca: Arc::clone(&app.ca),
                identity: Arc::clone(&identity),
                throttle: Arc::new(Throttle::new(&app.config.limits)),
                metrics: Arc::clone(&app.metrics),
            },
            sessions(&app),
            enrolments(&app),
            app.stop.clone(),
        ));
        let web_tls = web::tls_config(&app.config.web, Arc::clone(&identity))?;
        let (web_tls, certificate_files) =
            web_tls.map_or((None, None), |(config, files)| (Some(config), files));
        servers.spawn(serve_http(
            web_listener,
            web_tls,
            web::routes(app.clone()),
            app.stop.clone(),
        ));
        servers.spawn(serve_http(
            health_listener,
            None,
            health::routes(app.clone()),
            app.stop.clone(),
        ));
        let mut jobs = jobs::start(&app);
        let (store, metrics) = (Arc::clone(&app.store), Arc::clone(&app.metrics));
        jobs.spawn(leading.keep(store, metrics, app.stop.clone()));
        if let Some(files) = certificate_files {
            jobs.spawn(files.keep(app.clone()));
        }
        let writer = tokio::spawn(writer.run());
        Ok(Self {
            app,
            collectors: addresses.0,
            web: addresses.1,
            health: addresses.2,
            servers,
            jobs,
            writer,
        })
    }

    /// Address of the first page.
    pub fn web_url(&self) -> String {
        self.app.config.web.url(self.web)
    }

    /// Waits until `stop` fires or a part fails, then ends everything in order: no new work, what waits is written, signs of life too.
    pub async fn until(mut self, stop: CancellationToken) -> anyhow::Result<()> {
        let failed = tokio::select! {
            () = stop.cancelled() => None,
            ended = self.servers.join_next() => ended,
        };
        self.app.stop.cancel();
        let result = match failed {
            None => Ok(()),
            Some(Ok(Ok(()))) => Err(anyhow::anyhow!("a port was closed unexpectedly")),
            Some(Ok(Err(error))) => Err(error),
            Some(Err(error)) => Err(error.into()),
        };
        let drained = tokio::time::timeout(GRACE, async {
            while self.servers.join_next().await.is_some() {}
            while self.jobs.join_next().await.is_some() {}
        });
        if drained.await.is_err() {
            tracing::warn!("requests were still open after 5 seconds and are cut off");
        }
        self.servers.shutdown().await;
        self.jobs.shutdown().await;
        jobs::write_signs_of_life(&self.app).await;
        let store = Arc::clone(&self.app.store);
        // The writer ends when the last handle on its queue is gone.
        drop(self.app);
        if tokio::time::timeout(GRACE, self.writer).await.is_err() {
            tracing::warn!(
                "reports were still waiting for the database and stay in the collectors' spools"
            );
        }
        if tokio::time::timeout(GRACE, store.close()).await.is_err() {
            tracing::warn!(
                "the database was still busy and was left as it is; nothing that was acknowledged is lost"
            );
        }
        result
    }
}

/// What sessions need of the server.
pub(crate) fn sessions(app: &App) -> Arc<Sessions> {
    Arc::new(Sessions {
        store: Arc::clone(&app.store),
        fleet: Arc::clone(&app.fleet),
        ingest: app.ingest.clone(),
        clock: app.clock.clone(),
        events: app.events.clone(),
        ca: Arc::clone(&app.ca),
        settings: app.config.collectors.clone(),
        metrics: Arc::clone(&app.metrics),
        stop: app.stop.clone(),
    })
}

fn enrolments(app: &App) -> Enrolments {
    Enrolments {
        store: Arc::clone(&app.store),
        desk: Desk::open(Arc::clone(&app.store), Arc::clone(&app.metrics)),
        liveness: app.liveness,
        ca: Arc::clone(&app.ca),
        clock: app.clock.clone(),
    }
}

async fn serve_http(
    listener: tokio::net::TcpListener,
    tls: Option<rustls::ServerConfig>,
    routes: axum::Router,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let served = match tls {
        None => {
            let routes = routes.into_make_service_with_connect_info::<PeerAddress>();
            axum::serve(listener, routes)
                .with_graceful_shutdown(stop.cancelled_owned())
                .await
        }
        Some(config) => {
            let routes = routes.into_make_service_with_connect_info::<PeerAddress>();
            axum::serve(TlsListener::new(listener, config)?, routes)
                .with_graceful_shutdown(stop.cancelled_owned())
                .await
        }
    };
    served.context("an HTTP port failed")
}
