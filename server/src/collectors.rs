//! The collectors' port: gRPC services over the TLS acceptor. Converts at the wire and hands on; decides nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use axum::extract::State;
use axum::middleware::{self, Next};
use sickbay_proto::limits;
use sickbay_proto::v1::enrolment_server::{Enrolment, EnrolmentServer};
use sickbay_proto::v1::fleet_server::{Fleet as FleetService, FleetServer};
use sickbay_proto::v1::{
    Certificate, EnrolRequest, EnrolResponse, GoodbyeRequest, GoodbyeResponse, RecoverRequest,
    RenewRequest,
};
use tokio::net::TcpListener;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::{Code, Request, Response, Status, Streaming};
use tower::util::MapRequestLayer;

use crate::fleet::incoming::{self, Incoming, Lent};
use crate::fleet::session::{Downstream, Sessions};
use crate::identity::enrolment::{Enrolled, Enrolments, Issued};
use crate::identity::tls::{self, Door, Peer};
use crate::metrics::Metrics;
use crate::metrics::connections::Call;
use crate::throttle::Throttle;
use crate::wire::{self, CollectorMessage, RefusalReason};

/// A connection that answers no ping for this long is dead.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// How often a quiet connection is pinged.
const KEEPALIVE_INTERVAL: Duration = Duration::from_mins(1);
/// Streams of one connection; a collector needs two.
const STREAMS_PER_CONNECTION: u32 = 8;

struct EnrolmentPort {
    throttle: Arc<Throttle>,
    metrics: Arc<Metrics>,
    sessions: Arc<Sessions>,
    enrolments: Enrolments,
}

impl EnrolmentPort {
    /// Whether the address of a machine may ask now. Refused before anything is read, signed or written.
    fn may_come(&self, peer: Option<&Peer>) -> Result<(), Status> {
        let Some(peer) = peer else { return Ok(()) };
        self.throttle.enrols(peer.address.ip()).map_err(|wait| {
            self.metrics.enrolments_throttled.inc();
            wire::refusal(
                Code::ResourceExhausted,
                RefusalReason::RateLimited,
                "too many machines of this address ask to be let in; try again",
                wait_ms(wait),
            )
        })
    }
}

#[tonic::async_trait]
impl Enrolment for EnrolmentPort {
    async fn enrol(
        &self,
        request: Request<EnrolRequest>,
    ) -> Result<Response<EnrolResponse>, Status> {
        let peer = request.extensions().get::<Peer>().cloned();
        self.may_come(peer.as_ref())?;
        let claim = wire::enrol_claim(request.into_inner())?;
        let outcome = match self.enrolments.enrol(claim, peer.as_ref()).await? {
            Enrolled::Issued(issued) => Ok(certificate(issued)),
            Enrolled::Pending {
                device,
                retry_after_ms,
            } => Err((device.id.to_string(), retry_after_ms)),
        };
        Ok(Response::new(wire::enrol_response(outcome)))
    }

    async fn recover(
        &self,
        request: Request<RecoverRequest>,
    ) -> Result<Response<Certificate>, Status> {
        let peer = request.extensions().get::<Peer>().cloned();
        self.may_come(peer.as_ref())?;
        let device = self.sessions.known(peer.as_ref()).await?;
        let peer = peer.ok_or_else(|| Status::internal("a known device came over a connection"))?;
        may_have_certificate(&self.throttle, device.key, &peer)?;
        let csr = wire::recovery(request.into_inner())?;
        let issued = self.enrolments.recover(device, &peer, &csr).await?;
        Ok(Response::new(certificate(issued)))
    }
}

struct FleetPort {
    throttle: Arc<Throttle>,
    sessions: Arc<Sessions>,
    enrolments: Enrolments,
}

#[tonic::async_trait]
impl FleetService for FleetPort {
    type SessionStream = Downstream;

    async fn session(
        &self,
        request: Request<Streaming<CollectorMessage>>,
    ) -> Result<Response<Downstream>, Status> {
        let peer = request.extensions().get::<Peer>().cloned();
        let lent = request.extensions().get::<Lent>().cloned();
        // Let go of before anything is read through it: what a session reads goes through a reader of its own.
        drop(request);
        let incoming = Incoming::new(lent.ok_or_else(|| Status::internal("no body was lent"))?);
        let down = self.sessions.open(peer.as_ref(), incoming).await?;
        Ok(Response::new(down))
    }

    async fn renew(&self, request: Request<RenewRequest>) -> Result<Response<Certificate>, Status> {
        let peer = request.extensions().get::<Peer>().cloned();
        let device = self.sessions.authenticate(peer.as_ref()).await?;
        if let Some(peer) = &peer {
            may_have_certificate(&self.throttle, device.key, peer)?;
        }
        let csr = wire::renewal(request.into_inner())?;
        let issued = self.enrolments.renew(device, &csr).await?;
        Ok(Response::new(certificate(issued)))
    }

    async fn goodbye(
        &self,
        request: Request<GoodbyeRequest>,
    ) -> Result<Response<GoodbyeResponse>, Status> {
        let peer = request.extensions().get::<Peer>().cloned();
        let device = self.sessions.authenticate(peer.as_ref()).await?;
        self.enrolments.goodbye(device).await?;
        Ok(Response::new(GoodbyeResponse {}))
    }
}

/// Whether a device may ask for another certificate now. Each is a row that is kept, so none is issued in a loop.
fn may_have_certificate(throttle: &Throttle, device: i64, peer: &Peer) -> Result<(), Status> {
    let allowed = throttle.certifies(device, peer.address.ip());
    allowed.map_err(|wait| {
        wire::refusal(
            Code::ResourceExhausted,
            RefusalReason::RateLimited,
            "this device was issued many certificates of late; try again",
            wait_ms(wait),
        )
    })
}

/// Counts and times every call. Of a session it is the time until it is open.
async fn measured(
    State(metrics): State<Arc<Metrics>>,
    request: axum::extract::Request,
    next: Next,
) -> axum::response::Response {
    let (call, begun) = (Call::of(request.uri().path()), Instant::now());
    let response = next.run(request).await;
    // Whoever is refused is told so in the headers, where there is no answer to come after them.
    let refused = Status::from_header_map(response.headers());
    let refused = refused.filter(|status| status.code() != Code::Ok);
    metrics.connections.called(call, begun, refused.as_ref());
    response
}

fn wait_ms(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis())
        .unwrap_or(u64::MAX)
        .max(1_000)
}

fn certificate(issued: Issued) -> Certificate {
    wire::certificate(
        issued.device.id.to_string(),
        issued.chain,
        issued.trusted,
        issued.mark,
    )
}

/// Binds the collectors' port.
pub async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!(
            "cannot listen for collectors on {address} (collectors.listen): another program may use the port, or the address may not be this machine's"
        )
    })
}

/// Serves collectors until `stop`; open sessions are told that the server goes down.
pub async fn serve(
    listener: TcpListener,
    door: Door,
    sessions: Arc<Sessions>,
    enrolments: Enrolments,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let (throttle, metrics) = (Arc::clone(&door.throttle), Arc::clone(&door.metrics));
    let fleet_throttle = Arc::clone(&throttle);
    let measured = middleware::from_fn_with_state(Arc::clone(&metrics), measured);
    let connections = ReceiverStream::new(tls::accept(listener, door, stop.clone()));
    let enrolment = EnrolmentServer::new(EnrolmentPort {
        throttle,
        metrics,
        sessions: Arc::clone(&sessions),
        enrolments: enrolments.clone(),
    })
    .max_decoding_message_size(limits::MESSAGE_BYTES)
    .max_encoding_message_size(limits::MESSAGE_BYTES);
    let fleet = FleetServer::new(FleetPort {
        throttle: fleet_throttle,
        sessions,
        enrolments,
    })
    .max_decoding_message_size(limits::MESSAGE_BYTES)
    .max_encoding_message_size(limits::MESSAGE_BYTES);
    let services = Routes::new(enrolment).add_service(fleet);
    tonic::transport::Server::builder()
        .layer(MapRequestLayer::new(incoming::lend))
        .max_concurrent_streams(STREAMS_PER_CONNECTION)
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .add_routes(services.into_axum_router().layer(measured).into())
        .serve_with_incoming_shutdown(connections, stop.cancelled_owned())
        .await
        .context("the collectors' port failed")
}
