//! Which core a process runs on, and how long it has kept it busy.

use std::time::Duration;

/// Keeps this process, and every thread that it starts from now on, on one
/// core.
#[cfg(target_os = "linux")]
pub(crate) fn pin(cpu: usize) -> crate::Result<()> {
    let mut set = rustix::thread::CpuSet::new();
    set.set(cpu);
    Ok(rustix::thread::sched_setaffinity(None, &set)?)
}

/// A core for the servers and another one for the client; `None` where there
/// is but one.
#[cfg(target_os = "linux")]
pub(crate) fn pair() -> crate::Result<Option<(usize, usize)>> {
    let allowed = rustix::thread::sched_getaffinity(None)?;
    let mut cpus = (0..rustix::thread::CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu));
    Ok(cpus.next().zip(cpus.next()))
}

/// The time that all threads of a process have run, in steps of the kernel's
/// clock (mostly 10 ms).
#[cfg(target_os = "linux")]
pub(crate) fn busy(process: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name in parentheses may hold spaces; `utime` and `stime` are the
    // 12th and 13th field behind it.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    let micros = (ticks()? + ticks()?) * 1_000_000 / rustix::param::clock_ticks_per_second();
    Some(Duration::from_micros(micros))
}

/// The bytes of memory that a process uses.
#[cfg(target_os = "linux")]
pub(crate) fn memory(process: u32) -> Option<u64> {
    let statm = std::fs::read_to_string(format!("/proc/{process}/statm")).ok()?;
    let pages: u64 = statm.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(pages * u64::try_from(rustix::param::page_size()).ok()?)
}

/// Lets this process, and those that it starts, open this many files, if they
/// may.
#[cfg(target_os = "linux")]
pub(crate) fn raise_open_files(count: u64) -> crate::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = current.map(|current| current.max(maximum.map_or(count, |maximum| count.min(maximum))));
    Ok(setrlimit(Resource::Nofile, Rlimit { current: wanted, maximum })?)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn memory(_: u32) -> Option<u64> {
    None
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn raise_open_files(_: u64) -> crate::Result<()> {
    Ok(())
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn busy(_: u32) -> Option<Duration> {
    None
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn pin(_: usize) -> crate::Result<()> {
    Ok(())
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn pair() -> crate::Result<Option<(usize, usize)>> {
    Ok(None)
}
