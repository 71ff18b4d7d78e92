//! Tells when something that a check reads has changed in the registry, or when the update client has written an event.
//!
//! Promises: a change is told within the time that its kind takes to settle ([`super::super::watched`]), however often the key is
//! deleted and made again; it is armed again before the change is told, so that no later one is missed. A key that is not there yet is
//! watched through the nearest one above it; what changed before [`Watch::start`] returned is not told. One thread, which sleeps while nothing happens. A key that this account may not watch is
//! tried again every [`TRY_AGAIN`]; the full inspections still read it. An event channel that cannot be subscribed to is left to them.
#![expect(unsafe_code, reason = "calls Windows")]

use std::io;
use std::ptr::null;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use windows_sys::Win32::Foundation::{
    CloseHandle, ERROR_SUCCESS, HANDLE, WAIT_FAILED, WAIT_OBJECT_0, WIN32_ERROR,
};
use windows_sys::Win32::System::Registry::{
    KEY_NOTIFY, REG_NOTIFY_CHANGE_LAST_SET, REG_NOTIFY_CHANGE_NAME, RegNotifyChangeKeyValue,
};
use windows_sys::Win32::System::Threading::{
    CreateEventW, SetEvent, WaitForMultipleObjects, WaitForSingleObject,
};

use super::error::reason;
use super::events::Subscription;
use super::registry::{Failure, Key};
use crate::host::Changed;
use crate::host::watched::{self, Depth, Settling, Watched, WatchedChannel};

/// How often keys that cannot be watched are tried again.
const TRY_AGAIN: Duration = Duration::from_mins(1);
/// Attempts to watch a key whose parents keep coming and going; the next change or [`TRY_AGAIN`] continues.
const ATTEMPTS: usize = 16;

/// Watches until it is dropped.
#[derive(Debug)]
pub struct Watch {
    stop: Arc<Event>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Calls `changed` with what has changed, on a thread of its own. It must not block for long.
    pub fn start(changed: impl Fn(Changed) + Send + 'static) -> io::Result<Self> {
        let stop = Arc::new(Event::new(Reset::Never)?);
        let mut watcher = Watcher {
            keys: watched::all()
                .into_iter()
                .map(WatchedKey::new)
                .collect::<io::Result<_>>()?,
            channels: SubscribedChannel::all()?,
            stop: Arc::clone(&stop),
            settling: Settling::default(),
        };
        let (armed, is_armed) = channel();
        // A notification lives as long as the thread that asked for it, so this one asks and waits.
        let thread = thread::Builder::new()
            .name("registry watch".to_owned())
            .spawn(move || {
                watcher.keys.iter_mut().for_each(WatchedKey::arm);
                // Whoever started it waits for this alone and may have gone.
                let _ = armed.send(());
                watcher.run(&changed);
            })?;
        // What is read from now on and changes afterwards is noticed. An error means that the thread has ended, which it told.
        let _ = is_armed.recv();
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.set();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was told when it happened.
            let _ = thread.join();
        }
    }
}

struct Watcher {
    keys: Vec<WatchedKey>,
    channels: Vec<SubscribedChannel>,
    stop: Arc<Event>,
    settling: Settling,
}

impl Watcher {
    fn run(&mut self, changed: &impl Fn(Changed)) {
        let handles: Vec<HANDLE> = std::iter::once(self.stop.0)
            .chain(self.keys.iter().map(|key| key.event.0))
            .chain(self.channels.iter().map(|channel| channel.event.0))
            .collect();
        let mut tried = Instant::now();
        loop {
            let now = Instant::now();
            let until_retry = TRY_AGAIN.saturating_sub(now.saturating_duration_since(tried));
            let sleep = self
                .settling
                .next(now)
                .map_or(until_retry, |due| due.min(until_retry));
            if !wait(&handles, sleep) {
                tracing::error!(
                    reason = %io::Error::last_os_error(),
                    "changes of the registry cannot be waited for; they are seen by the full inspections only"
                );
                return;
            }
            if self.stop.is_set() {
                return;
            }
            self.notice();
            if tried.elapsed() >= TRY_AGAIN {
                tried = Instant::now();
                self.keys
                    .iter_mut()
                    .filter(|key| key.armed.is_none())
                    .for_each(WatchedKey::arm);
            }
            let due = self.settling.take_due(Instant::now());
            if !due.is_nothing() {
                changed(due);
            }
        }
    }

    /// Looks which keys have changed, and which channels have something new.
    fn notice(&mut self) {
        for key in &mut self.keys {
            if key.event.is_set() {
                let was_there = key.is_there();
                key.arm();
                // Where only a parent is watched, and still is, something beside the key has changed.
                if was_there || key.is_there() {
                    let Watched {
                        settle,
                        checks,
                        settings,
                        ..
                    } = key.watched;
                    self.settling.changed(settle, checks, Instant::now());
                    if settings {
                        self.settling.settings_changed(settle, Instant::now());
                    }
                }
            }
        }
        for channel in &mut self.channels {
            if channel.event.is_set() && channel.has_news() {
                let WatchedChannel { settle, checks, .. } = channel.watched;
                self.settling.changed(settle, checks, Instant::now());
            }
        }
    }
}

/// A channel of which a new event sets the event, once it is subscribed to.
struct SubscribedChannel {
    watched: WatchedChannel,
    /// Where the subscription comes from when there is one.
    coming: Receiver<Subscription>,
    subscription: Option<Subscription>,
    /// Kept by whoever subscribes as well, so that it outlives the subscription.
    event: Arc<Event>,
}

impl SubscribedChannel {
    /// The channels that are watched. Subscribing may hang with the event log's service, so a thread of its own does it; a channel that
    /// cannot be subscribed to is told once and left to the full inspections.
    fn all() -> io::Result<Vec<Self>> {
        let mut channels = Vec::new();
        let mut wanted = Vec::new();
        for watched in watched::CHANNELS {
            let (give, coming) = channel();
            let event = Arc::new(Event::new(Reset::ByWaiting)?);
            wanted.push((watched, Arc::clone(&event), give));
            channels.push(Self {
                watched,
                coming,
                subscription: None,
                event,
            });
        }
        thread::Builder::new()
            .name("event subscription".to_owned())
            .spawn(move || {
                for (watched, event, give) in wanted {
                    subscribe(watched, &event, &give);
                }
            })?;
        Ok(channels)
    }

    /// Whether there is a new event, given that the event was set.
    fn has_news(&mut self) -> bool {
        if self.subscription.is_none() {
            self.subscription = self.coming.try_recv().ok();
        }
        self.subscription.as_ref().is_some_and(Subscription::take)
    }
}

fn subscribe(watched: WatchedChannel, event: &Event, give: &Sender<Subscription>) {
    let WatchedChannel {
        channel, provider, ..
    } = watched;
    match Subscription::start(channel, provider, event.0) {
        Ok(subscription) => {
            // Where nobody watches any more it ends at once. What came before it was handed over is looked for once it is.
            if give.send(subscription).is_ok() {
                event.set();
            }
        }
        Err(why) => {
            tracing::debug!(channel, reason = %why, "an event channel cannot be watched");
        }
    }
}

struct WatchedKey {
    watched: Watched,
    /// Stands before the event, so that it goes first.
    armed: Option<Armed>,
    event: Event,
}

/// A key of which a change sets the event.
struct Armed {
    key: Key,
    /// The watched key's own path, or one above.
    path: String,
}

impl WatchedKey {
    fn new(watched: Watched) -> io::Result<Self> {
        Ok(Self {
            watched,
            event: Event::new(Reset::ByWaiting)?,
            armed: None,
        })
    }

    fn is_there(&self) -> bool {
        self.armed
            .as_ref()
            .is_some_and(|armed| armed.path == self.watched.key)
    }

    /// Watches the key, or the nearest one above it, from now on.
    fn arm(&mut self) {
        for _ in 0..ATTEMPTS {
            if let Err(why) = self.arm_nearest() {
                tracing::warn!(key = %self.watched.key, reason = %why, "a key cannot be watched");
                self.armed = None;
                return;
            }
            // One that came into being between looking and arming would otherwise never be noticed.
            let armed = self.armed.as_ref().map(|armed| armed.path.as_str());
            if self.is_there()
                || nearest(&self.watched.key).is_ok_and(|(path, _)| Some(path) == armed)
            {
                return;
            }
        }
    }

    fn arm_nearest(&mut self) -> Result<(), String> {
        let (path, key) = nearest(&self.watched.key)?;
        // The handle is kept where it still is the key's, because closing one of which a notification is outstanding sets the event.
        if let Some(armed) = &self.armed
            && armed.path == path
            && self.notify(&armed.key, path) == ERROR_SUCCESS
        {
            return Ok(());
        }
        match self.notify(&key, path) {
            ERROR_SUCCESS => {
                let path = path.to_owned();
                self.armed = Some(Armed { key, path });
                Ok(())
            }
            code => Err(reason(code)),
        }
    }

    fn notify(&self, key: &Key, path: &str) -> WIN32_ERROR {
        let exact = path == self.watched.key;
        let tree = exact && self.watched.depth == Depth::Tree;
        let filter = if exact {
            REG_NOTIFY_CHANGE_NAME | REG_NOTIFY_CHANGE_LAST_SET
        } else {
            REG_NOTIFY_CHANGE_NAME
        };
        // SAFETY: key and event are open; the event outlives the key, whose closing ends the notification.
        unsafe { RegNotifyChangeKeyValue(key.handle(), i32::from(tree), filter, self.event.0, 1) }
    }
}

/// The key at `path` or the nearest one above it that is there, and its path.
fn nearest(path: &str) -> Result<(&str, Key), String> {
    let mut at = path;
    loop {
        match Key::open(at, KEY_NOTIFY) {
            Ok(key) => return Ok((at, key)),
            Err(Failure::Unreadable(why)) => return Err(why),
            Err(Failure::Absent) => {}
        }
        at = at
            .rsplit_once('\\')
            .map(|(above, _)| above)
            .ok_or("not even the hive is there")?;
    }
}

/// Whether an event stays set, or falls back when it was seen.
#[derive(Debug, Clone, Copy)]
enum Reset {
    Never,
    ByWaiting,
}

/// An event of Windows; closed when it is dropped.
#[derive(Debug)]
struct Event(HANDLE);

// SAFETY: the handle of an event belongs to the process, and all that is done with it here is atomic.
unsafe impl Send for Event {}
// SAFETY: as above.
unsafe impl Sync for Event {}

impl Event {
    fn new(reset: Reset) -> io::Result<Self> {
        let stays = i32::from(matches!(reset, Reset::Never));
        // SAFETY: null stands for no security of its own and no name.
        let event = unsafe { CreateEventW(null(), stays, 0, null()) };
        if event.is_null() {
            Err(io::Error::last_os_error())
        } else {
            Ok(Self(event))
        }
    }

    fn set(&self) {
        // SAFETY: the event is open as long as this value.
        unsafe { SetEvent(self.0) };
    }

    /// Whether it is set, without waiting; one that falls back by waiting is not any more afterwards.
    fn is_set(&self) -> bool {
        // SAFETY: the event is open as long as this value.
        unsafe { WaitForSingleObject(self.0, 0) == WAIT_OBJECT_0 }
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: the handle is open and belongs to this value alone.
        unsafe { CloseHandle(self.0) };
    }
}

/// Sleeps until one of the events is set, for at most `most`. Returns whether Windows could wait.
///
/// The event that woke it falls back where it does so by waiting; it is set again here, so that [`Event::is_set`] finds it.
fn wait(handles: &[HANDLE], most: Duration) -> bool {
    // Rounded up: a timer that comes a little early would go round in circles until it is due.
    let millis = u32::try_from(most.as_micros().div_ceil(1_000)).unwrap_or(u32::MAX - 1);
    // SAFETY: the handles are open events of the caller's, and as many as the length says.
    let woken =
        unsafe { WaitForMultipleObjects(handles.len() as u32, handles.as_ptr(), 0, millis) };
    let place = woken.wrapping_sub(WAIT_OBJECT_0) as usize;
    if let Some(event) = handles.get(place) {
        // SAFETY: as above.
        unsafe { SetEvent(*event) };
    }
    woken != WAIT_FAILED
}
