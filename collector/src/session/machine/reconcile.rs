//! How a session goes on after the server said what it has. Pure.

use crate::session::message::Welcome;
use crate::session::outbox::Outbox;

/// What follows from a welcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Both sides agree: send what waits.
    Agreed,
    /// The server has reports whose acknowledgement was lost: everything up to here is durable.
    Ahead(u64),
    /// The server has less than it had: it was restored from an older copy, or knows nothing of this device. Send everything.
    ServerLostBase(&'static str),
    /// The server has what this collector never sent: this machine was set back, or cloned. Begin anew.
    SetBack(&'static str),
}

/// Compares what the server says with what the collector knows. `epoch_made_here` tells that the epoch was made by this very
/// process: then no older copy of this collector can have used its sequence numbers.
pub fn reconcile(outbox: &Outbox, epoch_made_here: bool, welcome: &Welcome) -> Standing {
    let base = outbox.base();
    let known = base.acknowledged;
    let Some(epoch) = welcome.epoch else {
        return Standing::ServerLostBase("the server has nothing of this device");
    };
    if epoch != base.epoch {
        // Under an epoch of an earlier process, numbers may have been used that this copy of the state does not know of; to
        // use them again for something else would break "each number once".
        return if epoch_made_here && known.is_none() {
            Standing::ServerLostBase("the server knows an earlier epoch")
        } else {
            Standing::SetBack("the server knows another epoch")
        };
    }
    let acknowledged = outbox.acknowledged();
    if welcome.sequence == acknowledged {
        return if known.map(|known| known.digest) == welcome.digest {
            Standing::Agreed
        } else {
            Standing::SetBack("the server has another report under the newest acknowledged number")
        };
    }
    if welcome.sequence < acknowledged {
        return Standing::ServerLostBase("the server has an older report than it acknowledged");
    }
    match outbox.waiting_digest(welcome.sequence) {
        Some(digest) if welcome.digest == Some(digest) => Standing::Ahead(welcome.sequence),
        Some(_) => {
            Standing::SetBack("the server has another report under a number that waits here")
        }
        None => Standing::SetBack("the server has a report that this collector does not know"),
    }
}
