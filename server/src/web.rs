//! The web port: routes of pages, API and assets, the headers that every answer carries, and its TLS listener.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::extract::Request;
use axum::http::Method;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tower_http::compression::CompressionLayer;

use sickbay_web::links;

use crate::access;
use crate::api;
use crate::app::App;
use crate::certificate_files::CertificateFiles;
use crate::config::Web;
use crate::health;
use crate::identity::tls;
use crate::metrics::web::measured;
use crate::pages;

/// A handshake that takes longer is dropped.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// A route outside of the API. The router is built from a table of these, so that tests can enumerate them.
pub struct Route {
    /// Its method.
    pub method: Method,
    /// Its path, with parameters in braces.
    pub path: &'static str,
    handler: fn() -> MethodRouter<App>,
}

impl Route {
    pub(crate) const fn get(path: &'static str, handler: fn() -> MethodRouter<App>) -> Self {
        Self {
            method: Method::GET,
            path,
            handler,
        }
    }

    pub(crate) const fn post(path: &'static str, handler: fn() -> MethodRouter<App>) -> Self {
        Self {
            method: Method::POST,
            path,
            handler,
        }
    }
}

const OWN: &[Route] = &[
    Route::get("/healthz", || get(health::healthz)),
    Route::get(links::SIGN_IN, || get(access::show)),
    Route::post(links::SIGN_IN, || post(access::by_password)),
    Route::get(links::SIGN_IN_BY_PROVIDER, || get(access::provider::begin)),
    Route::get(access::openid::CALLBACK, || get(access::provider::back)),
    Route::get("/sign-in/{link}", || get(access::link)),
    Route::get("/sign-in/of-account/{link}", || get(access::ask)),
    Route::post("/sign-in/of-account/{link}", || post(access::link)),
    Route::post(links::SIGN_OUT, || post(access::sign_out)),
    Route::get("/events", || get(api::events::stream)),
];

/// Every route of the web port but those of the API, which [`api::routes`] describes.
pub fn table() -> impl Iterator<Item = &'static Route> {
    OWN.iter().chain(pages::ROUTES)
}

/// Every route of the web port.
pub fn routes(app: App) -> Router {
    let (api, _) = api::routes();
    table()
        .fold(Router::new(), |router, route| {
            router.route(route.path, (route.handler)())
        })
        .fallback(pages::missing)
        .nest("/api/v1", api)
        .layer(middleware::from_fn_with_state(app.clone(), access::guard))
        .layer(middleware::from_fn(headers))
        .layer(middleware::from_fn_with_state(app.clone(), measured))
        .layer(CompressionLayer::new())
        .with_state(app)
}

/// Headers that every answer carries. Only assets, whose names change with their contents, may be kept by a cache, and answers of the
/// API by the caller, who asks whether they are still the same.
async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (
            header::CONTENT_SECURITY_POLICY,
            sickbay_web::CONTENT_SECURITY_POLICY,
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), geolocation=(), microphone=()",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let may_be_kept = headers.get(header::CACHE_CONTROL).is_some_and(|value| {
        value.as_bytes().starts_with(b"public") || value.as_bytes().starts_with(b"private")
    });
    if !may_be_kept {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// Binds the web port.
pub async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!(
            "cannot listen for browsers on {address} (web.listen): another program may use the port, or the address may not be this machine's"
        )
    })
}

/// The TLS settings of the web port, and the files to look at again where the owner gave a certificate; `None` where plain HTTP is spoken
/// (loopback without a certificate).
pub fn tls_config(
    web: &Web,
    own: Arc<tls::ServerIdentity>,
) -> anyhow::Result<Option<(rustls::ServerConfig, Option<Arc<CertificateFiles>>)>> {
    if !web.uses_tls() {
        return Ok(None);
    }
    if web.tls_certificate.as_os_str().is_empty() {
        return Ok(Some((tls::web_config(own)?, None)));
    }
    let files = CertificateFiles::open(web)?;
    let config = tls::web_config(Arc::<CertificateFiles>::clone(&files))?;
    Ok(Some((config, Some(files))))
}

/// A listener that shakes hands before axum sees the connection.
pub struct TlsListener {
    ready: tokio::sync::mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    address: SocketAddr,
}

impl TlsListener {
    /// Accepts on `listener`; slow handshakes hold nobody up.
    pub fn new(listener: TcpListener, config: rustls::ServerConfig) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let (sender, ready) = tokio::sync::mpsc::channel(64);
        tokio::spawn(async move {
            loop {
                let (stream, peer) = tokio::select! {
                    () = sender.closed() => return,
                    accepted = listener.accept() => match accepted {
                        Ok(accepted) => accepted,
                        Err(error) => {
                            tracing::warn!(%error, "cannot accept a browser's connection");
                            tokio::time::sleep(Duration::from_millis(200)).await;
                            continue;
                        }
                    },
                };
                let (acceptor, sender) = (acceptor.clone(), sender.clone());
                tokio::spawn(async move {
                    let handshake =
                        tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream));
                    match handshake.await {
                        Ok(Ok(stream)) => {
                            let _ = sender.send((stream, peer)).await;
                        }
                        Ok(Err(error)) => {
                            tracing::debug!(%peer, %error, "a browser's handshake failed");
                        }
                        Err(_) => tracing::debug!(%peer, "a browser's handshake took too long"),
                    }
                });
            }
        });
        Ok(Self { ready, address })
    }
}

impl axum::serve::Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(accepted) => accepted,
            // The accepting task ends only after this listener is dropped.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}
