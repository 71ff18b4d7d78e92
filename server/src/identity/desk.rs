//! The desk of enrolment: machines that come at the same moment share a transaction, because making one durable costs more than all the
//! rest of an enrolment.
//!
//! At most [`QUEUE`] errands wait; whoever comes beyond that is told at once to come again, which costs a busy server less than a long
//! queue of machines that gave up waiting.

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use sickbay_store::{EnrolOutcome, EnrolRequest, IssuedCertificate, Store, StoreError};
use tokio::sync::{mpsc, oneshot};

use crate::metrics::Metrics;
use crate::metrics::register::UnderWay;

/// Errands that may wait.
pub(crate) const QUEUE: usize = 4096;
/// Errands of one transaction at most.
const AT_ONCE: usize = 256;

/// Why an errand was not done.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// Too many wait.
    #[error("too many machines enrol at this moment")]
    Busy,
    /// The server is going down.
    #[error("the server is shutting down")]
    Closed,
    /// The database refused; of several that shared a transaction, this one.
    #[error(transparent)]
    Store(#[from] StoreError),
}

type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

enum Errand {
    Enrol(Box<EnrolRequest>, Answer<EnrolOutcome>),
    Record(IssuedCertificate, Answer<bool>),
}

/// The way to the desk. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Desk {
    errands: mpsc::Sender<Errand>,
    metrics: Arc<Metrics>,
}

impl Desk {
    /// Opens the desk; it closes when every handle is gone and nobody waits.
    pub fn open(store: Arc<dyn Store>, metrics: Arc<Metrics>) -> Self {
        let (sender, errands) = mpsc::channel(QUEUE);
        tokio::spawn(serve(store, errands));
        Self {
            errands: sender,
            metrics,
        }
    }

    /// Enrols a machine.
    pub async fn enrol(&self, request: EnrolRequest) -> Result<EnrolOutcome, DeskError> {
        self.ask(|answer| Errand::Enrol(Box::new(request), answer))
            .await
    }

    /// Records a certificate; `false` where its key belongs to another device.
    pub async fn record(&self, certificate: IssuedCertificate) -> Result<bool, DeskError> {
        self.ask(|answer| Errand::Record(certificate, answer)).await
    }

    async fn ask<T>(&self, errand: impl FnOnce(Answer<T>) -> Errand) -> Result<T, DeskError> {
        let (answer, answered) = oneshot::channel();
        let _waits = UnderWay::begin(&self.metrics.connections.enrolments);
        self.errands
            .try_send(errand(answer))
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => DeskError::Busy,
                mpsc::error::TrySendError::Closed(_) => DeskError::Closed,
            })?;
        Ok(answered.await.map_err(|_| DeskError::Closed)??)
    }
}

async fn serve(store: Arc<dyn Store>, mut errands: mpsc::Receiver<Errand>) {
    let mut waiting = Vec::with_capacity(AT_ONCE);
    while errands.recv_many(&mut waiting, AT_ONCE).await > 0 {
        let (mut requests, mut certificates) = (Vec::new(), Vec::new());
        for errand in waiting.drain(..) {
            match errand {
                Errand::Enrol(request, answer) => requests.push((*request, answer)),
                Errand::Record(certificate, answer) => certificates.push((certificate, answer)),
            }
        }
        let enrolling = Arc::clone(&store);
        together(requests, move |all| {
            let store = Arc::clone(&enrolling);
            async move { store.enrol_all(all).await }.boxed()
        })
        .await;
        let recording = Arc::clone(&store);
        together(certificates, move |all| {
            let store = Arc::clone(&recording);
            async move { store.record_certificates(all).await }.boxed()
        })
        .await;
    }
}

/// Does all at once, and where that fails one after the other, so that nobody pays for somebody else's trouble.
async fn together<T: Clone, R>(
    errands: Vec<(T, Answer<R>)>,
    work: impl Fn(Vec<T>) -> BoxFuture<'static, Result<Vec<R>, StoreError>>,
) {
    let (all, answers): (Vec<T>, Vec<Answer<R>>) = errands.into_iter().unzip();
    if all.is_empty() {
        return;
    }
    let alone = all.len() == 1;
    match work(all.clone()).await {
        // Whoever does not wait any more asks again.
        Ok(done) => answers.into_iter().zip(done).for_each(|(answer, result)| {
            let _ = answer.send(Ok(result));
        }),
        Err(error) if alone => {
            if let Some(answer) = answers.into_iter().next() {
                let _ = answer.send(Err(error));
            }
        }
        Err(error) => {
            tracing::debug!(%error, errands = all.len(), "enrolments are tried one by one");
            for (one, answer) in all.into_iter().zip(answers) {
                let result = work(vec![one]).await;
                let _ = answer.send(result.map(|mut done| done.remove(0)));
            }
        }
    }
}
