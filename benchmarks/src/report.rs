//! The table.

use std::io::Write;
use std::time::Duration;

use crate::rounds::Work;

/// What one round gave. Times are in microseconds.
#[derive(Clone, Copy)]
pub(crate) struct Round {
    per_second: f64,
    latency: f64,
    /// What the server ran for each of them; not a number where that is not
    /// known.
    busy: f64,
}

impl Round {
    #[allow(clippy::cast_precision_loss, reason = "no count here comes near 2^52")]
    pub(crate) fn new(latencies: &[Duration], took: Duration, busy: Option<Duration>) -> Self {
        let count = latencies.len() as f64;
        Self {
            per_second: count / took.as_secs_f64(),
            latency: median(latencies.iter().copied().map(micros).collect()),
            busy: busy.map_or(f64::NAN, micros) / count,
        }
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// How it was measured, and the head of the table.
pub(crate) fn heading(
    [ours, theirs]: [&str; 2],
    connections: usize,
    rounds: usize,
    round: Duration,
    cores: Option<(usize, usize)>,
) {
    match cores {
        Some((server, client)) => print(&format!("Servers on core {server}, client on core {client}.")),
        None => print("Servers and client are not pinned to cores: the numbers mean little."),
    }
    print(&format!(
        "{connections} connections, medians of {rounds} rounds of {} s for each side, taking turns.\n\n\
         | work | per second, {ours} | {theirs} | ratio | ratios of single rounds | median latency, {ours} | {theirs} | server CPU for each, {ours} | {theirs} |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        round.as_secs()
    ));
}

/// One row. The ratios of single rounds show how far the noise of the machine
/// goes.
pub(crate) fn row(work: Work, ours: &[Round], theirs: &[Round]) {
    let of = |rounds: &[Round], what: fn(&Round) -> f64| median(rounds.iter().map(what).collect());
    let throughput = |rounds: &[Round]| of(rounds, |round| round.per_second);
    let latency = |rounds: &[Round]| of(rounds, |round| round.latency);
    let busy = |rounds: &[Round]| of(rounds, |round| round.busy);
    let ratios = || ours.iter().zip(theirs).map(|(ours, theirs)| ours.per_second / theirs.per_second);
    let (lowest, highest) = (ratios().fold(f64::INFINITY, f64::min), ratios().fold(0.0, f64::max));
    print(&format!(
        "| {} | {:.0} | {:.0} | {:.2} | {lowest:.2} to {highest:.2} | {:.0} µs | {:.0} µs | {:.1} µs | {:.1} µs |",
        work.name(),
        throughput(ours),
        throughput(theirs),
        throughput(ours) / throughput(theirs),
        latency(ours),
        latency(theirs),
        busy(ours),
        busy(theirs),
    ));
}

/// Of an even number the upper one of the two in the middle.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A closed output ends nothing: there is nobody left to tell.
fn print(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
