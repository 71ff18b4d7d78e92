//! A session's stream, and a device that has nothing but its key: for programs that speak for thousands of devices at once, such as a load
//! generator, over the very same TLS, HTTP/2 and conversion as a collector.

use std::sync::Arc;

use futures::StreamExt as _;
use rcgen::KeyPair;
use rustls::ClientConfig;
use tonic::transport::Channel;

use super::connection::{CallError, Route, ServerUrl, connect};
use super::enrolment::{self, EnrolOutcome};
use super::message::{FromServer, ToServer};
use super::tls::{self, CaPin};
use crate::wire::{MachineIdentity, Outgoing, Rpc, Sent, ServerMessages, WireError};

/// An open session's stream.
pub struct Line {
    rpc: Rpc,
    outgoing: Outgoing,
    incoming: ServerMessages,
}

impl Line {
    pub(super) fn open(rpc: Rpc) -> Self {
        let (outgoing, incoming) = rpc.session();
        Self {
            rpc,
            outgoing,
            incoming,
        }
    }

    pub(super) const fn rpc(&self) -> &Rpc {
        &self.rpc
    }

    /// Hands a message to the socket without waiting.
    ///
    /// # Errors
    /// A message that the protocol does not allow.
    pub(super) fn send(&self, message: &ToServer) -> Result<Sent, WireError> {
        self.outgoing.send(message)
    }

    /// The same; `false` where the session is over, or the server reads nothing.
    ///
    /// # Errors
    /// A message that the protocol does not allow.
    pub fn say(&self, message: &ToServer) -> Result<bool, CallError> {
        Ok(matches!(self.send(message)?, Sent::Yes))
    }

    /// How long a message is on the wire, in bytes, without what gRPC and TLS put around it.
    ///
    /// # Errors
    /// A message that the protocol does not allow.
    pub fn length(message: &ToServer) -> Result<usize, CallError> {
        Ok(crate::wire::length(message)?)
    }

    /// What the server says next; `None` once it ended the session.
    pub async fn next(&mut self) -> Option<Result<FromServer, CallError>> {
        self.incoming.next().await
    }
}

/// A device without a machine, a folder or a clock around it.
pub struct StandIn {
    route: Route,
    tls: Arc<ClientConfig>,
}

impl StandIn {
    /// Enrols under a new key.
    ///
    /// # Errors
    /// Where the server cannot be reached, refuses, or lets nobody in without a person's word.
    pub async fn enrol(
        url: &ServerUrl,
        pins: &[CaPin],
        token: &str,
        host_name: &str,
        fingerprint: &str,
    ) -> Result<Self, StandInError> {
        let route = Route {
            url: url.clone(),
            proxy: None,
        };
        let key = KeyPair::generate().map_err(|error| StandInError::Key(error.to_string()))?;
        let by_pin =
            tls::config_by_pin(pins).map_err(|error| StandInError::Key(error.to_string()))?;
        let rpc = connect(&route, Arc::new(by_pin)).await?;
        let machine = MachineIdentity {
            host_name: host_name.to_owned(),
            machine_fingerprint: fingerprint.to_owned(),
            ..MachineIdentity::default()
        };
        let (outcome, identity) = enrolment::ask(&rpc, token, &key, machine).await?;
        let (EnrolOutcome::Enrolled { .. }, Some(identity)) = (outcome, identity) else {
            return Err(StandInError::Pending);
        };
        let tls = tls::config_of(&identity, &key)
            .map_err(|error| StandInError::Key(error.to_string()))?;
        Ok(Self {
            route,
            tls: Arc::new(tls),
        })
    }

    /// A connection of its own, for saying what no collector says.
    ///
    /// # Errors
    /// Where the server cannot be reached.
    pub fn channel(&self) -> impl Future<Output = Result<Channel, CallError>> + Send + use<> {
        let (route, tls) = (self.route.clone(), Arc::clone(&self.tls));
        async move { Ok(connect(&route, tls).await?.into_channel()) }
    }

    /// Opens a session over a connection of its own; nothing is said yet.
    ///
    /// # Errors
    /// Where the server cannot be reached.
    pub fn open(&self) -> impl Future<Output = Result<Line, CallError>> + Send + use<> {
        let (route, tls) = (self.route.clone(), Arc::clone(&self.tls));
        async move { Ok(Line::open(connect(&route, tls).await?)) }
    }
}

/// Why a stand-in could not enrol.
#[derive(Debug, thiserror::Error)]
pub enum StandInError {
    /// The call.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The token approves nobody.
    #[error("the device waits until a person approves it: use a token that approves")]
    Pending,
    /// No key, or no TLS over it.
    #[error("{0}")]
    Key(String),
}
