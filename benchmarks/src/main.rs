//! Measures the routes of otp-auth beside hand-written axum handlers that do
//! the same work with the same crates. See the README of this package.
//!
//! Each side is a server in a process of its own, on one core; this process
//! is the client of both, on another core.
//!
//! `before` measures the routes beside those of an earlier build, `detached`
//! what a task for each store call costs, `flood` what an honest client
//! notices while another network floods the server, `cleanup` how long
//! sign-ins wait while a million rows are removed, `pooler` what one in front
//! of `PostgreSQL` costs.

mod byhand;
mod cleanup;
mod client;
mod core;
mod flood;
mod ours;
mod pooler;
mod report;
mod rounds;
mod server;

use std::error::Error;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Whose routes are measured.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Ours,
    /// Ours, with a task of its own for each call of the store.
    Detached,
    /// Ours, with the store that keeps everything in memory.
    Memory,
    /// That one, with a task for each call.
    MemoryDetached,
    /// Ours, with the limits per network that an application has by default.
    Limited,
    ByHand,
}

impl Side {
    const ALL: [Self; 6] =
        [Self::Ours, Self::Detached, Self::Memory, Self::MemoryDetached, Self::Limited, Self::ByHand];

    const fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Detached => "detached",
            Self::Memory => "memory",
            Self::MemoryDetached => "memory-detached",
            Self::Limited => "limited",
            Self::ByHand => "byhand",
        }
    }
}

const USAGE: &str = "usage: otp-auth-benchmarks [before EXECUTABLE | detached | flood | check | \
    cleanup sqlite|postgres|mysql|mongodb URL | pooler URL POOLER_URL]";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] => rounds::beside_by_hand(),
        ["before", executable] => rounds::beside_earlier(executable.as_ref()),
        ["flood"] => flood::run(),
        ["detached"] => rounds::beside_detached(),
        ["check"] => rounds::check().and_then(|()| flood::check()),
        ["server", side, directory, cpu @ ..] => {
            let side = Side::ALL.into_iter().find(|known| known.name() == *side).ok_or("no such side")?;
            let cpu = cpu.first().map(|cpu| cpu.parse()).transpose()?;
            server::run(side, directory.as_ref(), cpu)
        }
        ["cleanup", backend, url] => cleanup::run(backend, url),
        ["pooler", direct, pooled] => pooler::run(direct, pooled),
        _ => Err(USAGE.into()),
    }
}
