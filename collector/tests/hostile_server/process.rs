//! What Linux knows of this very process: children, listeners, memory; and whether any of its threads panicked.

use std::collections::BTreeSet;
use std::fs;
use std::sync::{Mutex, OnceLock};

/// Number of SIGCHLD.
const SIGCHLD: u32 = 17;
/// State of a socket that listens, in `/proc/net/tcp`.
const LISTENS: &str = "0A";

static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Notes panics of all threads from now on, also those that nobody waits for.
pub(crate) fn note_panics() {
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let thread = std::thread::current();
            // Code for HTTP/2 that was built for debugging does not like how the hostile server ends.
            if thread.name() != Some(crate::server::THREAD) {
                let text = format!("{:?}: {panic}", thread.name());
                PANICS.lock().unwrap().push(text);
                before(panic);
            }
        }));
    });
}

/// Nothing panicked since [`note_panics`].
pub(crate) fn no_panic() -> Result<(), String> {
    let panics = PANICS.lock().unwrap();
    if panics.is_empty() {
        Ok(())
    } else {
        Err(format!("panicked: {panics:?}"))
    }
}

/// No process was ever started by this one.
///
/// A child that lives, or ended and was not waited for, is among its parent's children. One that was waited for has left its page
/// faults in its parent's sum, and no program runs without any. Only where SIGCHLD is ignored a child would end unseen.
pub(crate) fn no_child() -> Result<(), String> {
    for task in fs::read_dir("/proc/self/task").unwrap() {
        // A thread may have ended since.
        let children = fs::read_to_string(task.unwrap().path().join("children"));
        if let Ok(children) = children
            && !children.trim().is_empty()
        {
            return Err(format!("a child process runs: {children}"));
        }
    }
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    // The program's name, in brackets, may hold blanks; the first field behind it is the third one.
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let (minor_faults, major_faults) = (fields[11 - 3], fields[13 - 3]);
    if (minor_faults, major_faults) != ("0", "0") {
        return Err("a child process ran and was waited for".to_owned());
    }
    let ignored = status("SigIgn").map(|mask| u64::from_str_radix(&mask, 16).unwrap());
    if ignored.is_none_or(|mask| mask & (1 << (SIGCHLD - 1)) != 0) {
        return Err("SIGCHLD is ignored, so that a child could not be seen".to_owned());
    }
    Ok(())
}

/// The ports on which this process listens.
pub(crate) fn listening() -> BTreeSet<u16> {
    let mut own = BTreeSet::new();
    for file in fs::read_dir("/proc/self/fd").unwrap() {
        // The folder itself is open while it is read, and gone afterwards.
        if let Ok(target) = fs::read_link(file.unwrap().path()) {
            let target = target.to_string_lossy().into_owned();
            let inode = target.strip_prefix("socket:[");
            own.extend(inode.map(|inode| inode.trim_end_matches(']').to_owned()));
        }
    }
    let mut ports = BTreeSet::new();
    for table in ["/proc/self/net/tcp", "/proc/self/net/tcp6"] {
        for line in fs::read_to_string(table)
            .unwrap_or_default()
            .lines()
            .skip(1)
        {
            let fields: Vec<&str> = line.split_whitespace().collect();
            if fields[3] == LISTENS && own.contains(fields[9]) {
                let (_, port) = fields[1].rsplit_once(':').unwrap();
                ports.insert(u16::from_str_radix(port, 16).unwrap());
            }
        }
    }
    ports
}

/// Memory in use, in KiB.
pub(crate) fn memory_kib() -> u64 {
    let size = status("VmRSS").unwrap();
    size.trim_end_matches(" kB").trim().parse().unwrap()
}

fn status(name: &str) -> Option<String> {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim_start_matches(':').trim().to_owned())
}
