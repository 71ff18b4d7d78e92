//! Bounds of the process, which Windows keeps: memory, processor time, priority.
#![expect(unsafe_code, reason = "calls Windows")]

use std::io;
use std::mem::size_of;
use std::ptr::null;
use std::thread::available_parallelism;

use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_CPU_RATE_CONTROL_ENABLE,
    JOB_OBJECT_CPU_RATE_CONTROL_HARD_CAP, JOB_OBJECT_LIMIT_PRIORITY_CLASS,
    JOB_OBJECT_LIMIT_PROCESS_MEMORY, JOBOBJECT_CPU_RATE_CONTROL_INFORMATION,
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION, JOBOBJECTINFOCLASS, JobObjectCpuRateControlInformation,
    JobObjectExtendedLimitInformation, SetInformationJobObject,
};
use windows_sys::Win32::System::Threading::{
    BELOW_NORMAL_PRIORITY_CLASS, GetCurrentProcess, SetPriorityClass,
};

/// Puts this process under a job of its own: at most `memory_bytes` of private memory, at most half of one processor core, below
/// the priority of what people wait for. Each bound that this Windows cannot keep is logged and left out: Windows 7 knows no bound
/// of processor time and no job within a job.
pub fn confine(memory_bytes: usize) {
    // SAFETY: the pseudo handle of this process is always valid.
    if unsafe { SetPriorityClass(GetCurrentProcess(), BELOW_NORMAL_PRIORITY_CLASS) } == 0 {
        not_kept("priority");
    }
    // SAFETY: null stands for no security of its own and no name.
    let job = unsafe { CreateJobObjectW(null(), null()) };
    if job.is_null() {
        not_kept("memory and processor time");
        return;
    }
    let mut memory = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
    memory.BasicLimitInformation.LimitFlags =
        JOB_OBJECT_LIMIT_PROCESS_MEMORY | JOB_OBJECT_LIMIT_PRIORITY_CLASS;
    memory.BasicLimitInformation.PriorityClass = BELOW_NORMAL_PRIORITY_CLASS;
    memory.ProcessMemoryLimit = memory_bytes;
    if !set(job, JobObjectExtendedLimitInformation, &memory) {
        not_kept("memory");
    }
    let mut processor = JOBOBJECT_CPU_RATE_CONTROL_INFORMATION {
        ControlFlags: JOB_OBJECT_CPU_RATE_CONTROL_ENABLE | JOB_OBJECT_CPU_RATE_CONTROL_HARD_CAP,
        ..Default::default()
    };
    processor.Anonymous.CpuRate = half_a_core(available_parallelism().map_or(1, usize::from));
    if !set(job, JobObjectCpuRateControlInformation, &processor) {
        not_kept("processor time");
    }
    // The handle stays open as long as the process, and with it the job.
    // SAFETY: both handles are open.
    if unsafe { AssignProcessToJobObject(job, GetCurrentProcess()) } == 0 {
        not_kept("memory and processor time");
    }
}

/// Half of one of `cores`, as Windows counts: in hundredths of a percent of all of them.
fn half_a_core(cores: usize) -> u32 {
    u32::try_from(5_000 / cores.max(1)).unwrap_or(1).max(1)
}

fn set<T>(job: HANDLE, which: JOBOBJECTINFOCLASS, information: &T) -> bool {
    let bytes = u32::try_from(size_of::<T>()).unwrap_or(0);
    // SAFETY: the job is open; `information` is the structure that `which` wants, and `bytes` is its size.
    unsafe { SetInformationJobObject(job, which, (&raw const *information).cast(), bytes) != 0 }
}

fn not_kept(bound: &str) {
    let reason = io::Error::last_os_error();
    tracing::info!(bound, %reason, "Windows keeps no such bound for this process");
}
