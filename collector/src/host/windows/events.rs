//! The event log: newest events of a channel, chosen by writer and id (fact sheet section 14).
//!
//! Limits: the query's number of events, [`MAX_EVENT_BYTES`] an event, [`MAX_BYTES`] and [`TIME`] a query. What is beyond the first
//! two is left out and counted; a query that takes longer, or that breaks off, is unreadable and not short. It may hang with the event
//! log's service, so it is asked on a guarded thread only.
#![expect(unsafe_code, reason = "calls Windows")]

use std::ptr::null;
use std::time::{Duration, Instant};

use sickbay_diagnosis::reading::Data;
use windows_sys::Win32::Foundation::{
    ERROR_EVT_CHANNEL_NOT_FOUND, ERROR_INSUFFICIENT_BUFFER, ERROR_NO_MORE_ITEMS, HANDLE,
    WIN32_ERROR,
};
use windows_sys::Win32::System::EventLog::{
    EVT_HANDLE, EVT_VARIANT, EvtChannelConfigEnabled, EvtClose, EvtGetChannelConfigProperty,
    EvtNext, EvtOpenChannelConfig, EvtQuery, EvtQueryChannelPath, EvtQueryReverseDirection,
    EvtRender, EvtRenderEventXml, EvtSubscribe, EvtSubscribeToFutureEvents, EvtVarTypeBoolean,
};

use super::error::{last, reason};
use super::wide::{text, wide};
use crate::host::event_xml;
use crate::host::told::{Answer, EventQuery, Events};

/// Longest event in XML, in bytes.
const MAX_EVENT_BYTES: usize = 64 * 1024;
/// Most bytes of all events of a query.
const MAX_BYTES: usize = 1024 * 1024;
/// Longest time for a query, and for one step of it.
const TIME: Duration = Duration::from_secs(8);
const STEP_MS: u32 = 2_000;
/// Longest wait for events that were signalled, and most times that some are taken at one signal.
const SIGNALLED_MS: u32 = 100;
const MOST_TAKEN: usize = 256;
/// Events taken at a time.
const AT_A_TIME: usize = 16;
/// What most events fit into at the first attempt.
const USUAL_UNITS: usize = 2 * 1024;

/// Whether a channel is enabled.
pub(super) fn enabled(channel: &str) -> Data {
    let path = wide(channel);
    // SAFETY: no session stands for this machine; `path` ends with a zero and outlives the call.
    let config = match Handle::of(unsafe { EvtOpenChannelConfig(0, path.as_ptr(), 0) }) {
        Ok(config) => config,
        Err(ERROR_EVT_CHANNEL_NOT_FOUND) => return Data::Absent,
        Err(code) => return Data::Unreadable(said(code)),
    };
    let mut value = EVT_VARIANT::default();
    let mut used = 0;
    // SAFETY: the handle is open; at most as many bytes as the structure has are written to it.
    let done = unsafe {
        EvtGetChannelConfigProperty(
            config.0,
            EvtChannelConfigEnabled,
            0,
            size_of::<EVT_VARIANT>() as u32,
            &raw mut value,
            &raw mut used,
        )
    };
    if done == 0 {
        return Data::Unreadable(said(last()));
    }
    if value.Type != EvtVarTypeBoolean as u32 {
        return Data::Unreadable("it does not say whether the channel is enabled".to_owned());
    }
    // SAFETY: a value of this type holds a truth value, which is a number.
    Data::Flag(unsafe { value.Anonymous.BooleanVal } != 0)
}

/// The events that `query` wants.
pub(super) fn newest(query: EventQuery) -> Answer<Events> {
    match found(query) {
        Ok(events) => Answer::Found(events),
        Err(ERROR_EVT_CHANNEL_NOT_FOUND) => Answer::Absent(format!(
            "this Windows has no event channel {}",
            query.channel
        )),
        Err(code) => Answer::Unreadable(said(code)),
    }
}

fn found(query: EventQuery) -> Result<Events, WIN32_ERROR> {
    let begun = Instant::now();
    let (channel, chosen) = (wide(query.channel), wide(&xpath(query)));
    let flags = EvtQueryChannelPath | EvtQueryReverseDirection;
    // SAFETY: no session stands for this machine; both texts end with a zero and outlive the call.
    let opened = unsafe { EvtQuery(0, channel.as_ptr(), chosen.as_ptr(), flags) };
    let results = Handle::of(opened)?;
    let mut events = Events::default();
    let mut bytes = 0;
    while events.newest.len() < query.most && bytes < MAX_BYTES {
        if begun.elapsed() > TIME {
            return Err(windows_sys::Win32::Foundation::ERROR_TIMEOUT);
        }
        let Some(batch) = next(&results, STEP_MS)? else {
            break;
        };
        for event in batch {
            if events.newest.len() == query.most || bytes >= MAX_BYTES {
                break;
            }
            let xml = rendered(&event)?;
            bytes += xml.as_ref().map_or(MAX_EVENT_BYTES, |xml| xml.len() * 2);
            match xml.and_then(|xml| event_xml::event(&xml)) {
                // The log is asked for these ids alone; what else it gives is not what was asked for.
                Some(event) if query.ids.contains(&event.id) => events.newest.push(event),
                _ => events.left_out += 1,
            }
        }
    }
    Ok(events)
}

/// The next events; nothing behind the last one.
fn next(results: &Handle, most_ms: u32) -> Result<Option<Vec<Handle>>, WIN32_ERROR> {
    let mut handles: [EVT_HANDLE; AT_A_TIME] = [0; AT_A_TIME];
    let mut returned = 0;
    // SAFETY: the handle is open; at most as many handles as the array holds are written to it.
    let done = unsafe {
        EvtNext(
            results.0,
            AT_A_TIME as u32,
            handles.as_mut_ptr(),
            most_ms,
            0,
            &raw mut returned,
        )
    };
    if done == 0 {
        return match last() {
            ERROR_NO_MORE_ITEMS => Ok(None),
            code => Err(code),
        };
    }
    let given = handles.into_iter().take(returned as usize);
    let batch: Vec<Handle> = given.filter(|handle| *handle != 0).map(Handle).collect();
    if batch.is_empty() {
        // A log that neither ends nor gives anything would be asked for ever.
        return Err(0);
    }
    Ok(Some(batch))
}

/// An event in XML; nothing for one that is longer than is read.
fn rendered(event: &Handle) -> Result<Option<String>, WIN32_ERROR> {
    let mut units = vec![0_u16; USUAL_UNITS];
    for _ in 0..2 {
        let (mut used, mut properties) = (0, 0);
        // SAFETY: the handle is open; at most as many bytes as given are written to `units`, which has them.
        let done = unsafe {
            EvtRender(
                0,
                event.0,
                EvtRenderEventXml as u32,
                (units.len() * 2) as u32,
                units.as_mut_ptr().cast(),
                &raw mut used,
                &raw mut properties,
            )
        };
        if done != 0 {
            return Ok(Some(text(&units)));
        }
        let needed = used as usize;
        match last() {
            ERROR_INSUFFICIENT_BUFFER if needed > MAX_EVENT_BYTES => return Ok(None),
            ERROR_INSUFFICIENT_BUFFER => units.resize(needed.div_ceil(2) + 1, 0),
            code => return Err(code),
        }
    }
    Ok(None)
}

/// The query in the event log's own language, which knows the writer, the id and the age of an event.
fn xpath(query: EventQuery) -> String {
    let ids: Vec<String> = query.ids.iter().map(|id| format!("EventID={id}")).collect();
    let age_ms = u64::from(query.days) * 86_400_000;
    format!(
        "*[System[Provider[@Name='{}'] and ({}) and TimeCreated[timediff(@SystemTime) <= {age_ms}]]]",
        query.provider,
        ids.join(" or ")
    )
}

/// A subscription to what a writer will write to a channel; it ends when it is dropped.
#[derive(Debug)]
pub(super) struct Subscription(Handle);

impl Subscription {
    /// Sets the event `signal`, which must outlive the subscription, whenever there is something new.
    pub(super) fn start(channel: &str, provider: &str, signal: HANDLE) -> Result<Self, String> {
        let chosen = wide(&format!("*[System[Provider[@Name='{provider}']]]"));
        let channel = wide(channel);
        // SAFETY: no session stands for this machine; the texts end with a zero and outlive the call; the signal is an open event
        // that the caller keeps; where there is a signal there is no callback.
        let opened = unsafe {
            EvtSubscribe(
                0,
                signal,
                channel.as_ptr(),
                chosen.as_ptr(),
                0,
                null(),
                None,
                EvtSubscribeToFutureEvents as u32,
            )
        };
        Handle::of(opened).map(Self).map_err(said)
    }

    /// Takes what is new, so that the next event signals again. Returns whether there may have been anything.
    pub(super) fn take(&self) -> bool {
        let mut any = false;
        for _ in 0..MOST_TAKEN {
            match next(&self.0, SIGNALLED_MS) {
                Ok(Some(_)) => any = true,
                Ok(None) => break,
                // It did signal; what it signalled is read from the channel itself.
                Err(_) => return true,
            }
        }
        any
    }
}

/// A handle of the event log; closed when it is dropped.
#[derive(Debug)]
struct Handle(EVT_HANDLE);

impl Handle {
    /// A handle that a call gave, or why it gave none.
    fn of(handle: EVT_HANDLE) -> Result<Self, WIN32_ERROR> {
        if handle == 0 {
            Err(last())
        } else {
            Ok(Self(handle))
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle is open and belongs to this value alone.
        unsafe { EvtClose(self.0) };
    }
}

/// What an error of the event log says; where Windows gives none, that.
fn said(code: WIN32_ERROR) -> String {
    if code == 0 {
        "the event log answered with nothing at all".to_owned()
    } else {
        reason(code)
    }
}
