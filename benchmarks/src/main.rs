//! Measures the routes of otp-auth beside hand-written axum handlers that do
//! the same work with the same crates. See the README of this package.
//!
//! Each side is a server in a process of its own, on one core; this process
//! is the client of both, on another core.
//!
//! `cleanup` measures how long sign-ins wait while a million rows are removed,
//! `pooler` what one in front of `PostgreSQL` costs.

mod byhand;
mod cleanup;
mod client;
mod core;
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
    ByHand,
}

impl Side {
    const BOTH: [Self; 2] = [Self::Ours, Self::ByHand];

    const fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::ByHand => "byhand",
        }
    }
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] => rounds::run(),
        ["server", side, directory, cpu @ ..] => {
            let side = Side::BOTH.into_iter().find(|known| known.name() == *side).ok_or("no such side")?;
            let cpu = cpu.first().map(|cpu| cpu.parse()).transpose()?;
            server::run(side, directory.as_ref(), cpu)
        }
        ["cleanup", backend, url] => cleanup::run(backend, url),
        ["pooler", direct, pooled] => pooler::run(direct, pooled),
        _ => {
            Err("usage: otp-auth-benchmarks [cleanup sqlite|postgres|mysql|mongodb URL | pooler URL POOLER_URL]".into())
        }
    }
}
