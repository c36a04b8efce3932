//! Any interleaving of requests, resends, unlocking, attempts, refreshes, sign-outs, changed
//! addresses, deleted users, clock steps, lost answers and crashes keeps the contracts, in two realms
//! over one store with one secret. The [`model`] says what they are; [`world`] applies each step to
//! both.
//!
//! `PROPERTY_CASES` is the number of cases.

use std::cell::{Cell, RefCell};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};

use otp_auth_tests::Backend;

use self::model::{Delivery, Outcome};
use self::world::{Tally, World};

mod model;
mod world;

/// What happens, with indices into what there is: addresses and networks in order, everything else
/// the latest first.
#[derive(Debug, Clone)]
enum Step {
    Request {
        realm: usize,
        address: usize,
        network: u8,
        continues: Option<usize>,
        device: Option<usize>,
        /// The token of an e-mail.
        unlock: Option<usize>,
        delivery: Delivery,
        trouble: Option<Trouble>,
    },
    Verify {
        challenge: usize,
        code: Code,
        /// Of the challenge if `None`.
        address: Option<usize>,
        device: Option<usize>,
        older: Option<usize>,
        crosses: bool,
        trouble: Option<Trouble>,
    },
    /// After the cooldown, a request that continues a challenge.
    Resend {
        challenge: usize,
        network: u8,
    },
    /// The token of an e-mail for its address, twice. Perhaps whoever has the address leaves it first.
    Unlock {
        token: usize,
        leaves: bool,
    },
    /// As many wrong codes as are compared.
    Guess {
        challenge: usize,
    },
    /// Strangers request codes until nothing is left of the total. Some are not delivered.
    UseUp {
        realm: usize,
        address: usize,
    },
    Refresh {
        token: usize,
        crosses: bool,
        trouble: Option<Trouble>,
    },
    /// The same token again after some time.
    RefreshAgain {
        token: usize,
        millis: i64,
    },
    SignOut {
        with: Credential,
        token: usize,
        crosses: bool,
        trouble: Option<Trouble>,
    },
    Use {
        token: usize,
        crosses: bool,
    },
    EndSessions {
        realm: usize,
        user: usize,
        trouble: Option<Trouble>,
    },
    ChangeAddress {
        user: usize,
        address: usize,
    },
    DeleteUser {
        user: usize,
    },
    UnverifyUser {
        user: usize,
    },
    AddUser {
        address: usize,
    },
    Pass {
        millis: i64,
    },
    ClockGoesBack,
    CleanUp {
        realm: usize,
    },
    Restart {
        realm: usize,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Code {
    Right,
    Wrong,
    /// That of another challenge.
    Of(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Credential {
    RefreshToken,
    AccessToken,
}

/// What goes wrong, at which of the store's operations that the step may need.
#[derive(Debug, Clone, Copy)]
struct Trouble {
    kind: Kind,
    at: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It is not done, and fails.
    Fails,
    /// It is done, and its answer is lost.
    IsLost,
    /// It is not done, and does not answer in time.
    Hangs,
    /// It is done, and does not answer in time.
    IsUnanswered,
    /// The process dies before it is done.
    DiesBefore,
    /// The process dies after it is done.
    DiesAfter,
}

/// Mostly the latest.
fn recent() -> impl Strategy<Value = usize> {
    prop_oneof![3 => Just(0_usize), 1 => 0..6_usize]
}

fn now_and_then<T: Clone + std::fmt::Debug>(value: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
    proptest::option::weighted(0.4, value)
}

fn rarely() -> impl Strategy<Value = bool> {
    proptest::bool::weighted(0.08)
}

fn trouble(kinds: &'static [Kind]) -> impl Strategy<Value = Option<Trouble>> {
    let trouble = (proptest::sample::select(kinds), 0..5_usize).prop_map(|(kind, at)| Trouble { kind, at });
    proptest::option::weighted(0.2, trouble)
}

fn step(kinds: &'static [Kind]) -> impl Strategy<Value = Step> {
    let trouble = move || trouble(kinds);
    let delivery = prop_oneof![8 => Just(Delivery::Take), 1 => Just(Delivery::Fail), 1 => Just(Delivery::Lose)];
    let code = prop_oneof![5 => Just(Code::Right), 2 => Just(Code::Wrong), 1 => recent().prop_map(Code::Of)];
    let credential = prop_oneof![Just(Credential::RefreshToken), Just(Credential::AccessToken)];
    let millis = prop_oneof![
        Just(1),
        Just(9_999),
        Just(10_000),
        Just(59_999),
        Just(60_000),
        Just(60_000),
        Just(599_999),
        Just(600_000),
        Just(3_540_000),
        Just(3_600_000),
        Just(86_400_000)
    ];
    let request = (
        0..2_usize,
        0..4_usize,
        0..3_u8,
        now_and_then(recent()),
        now_and_then(recent()),
        proptest::option::weighted(0.2, recent()),
        delivery,
        trouble(),
    )
        .prop_map(|(realm, address, network, continues, device, unlock, delivery, trouble)| Step::Request {
            // One realm and one address more often, so that something happens to them.
            realm: realm * usize::from(network != 0),
            address: address % 3 * usize::from(network != 1),
            network,
            continues,
            device,
            unlock,
            delivery,
            trouble,
        });
    let verify = (
        recent(),
        code,
        proptest::option::weighted(0.1, 0..4_usize),
        now_and_then(recent()),
        proptest::option::weighted(0.2, recent()),
        rarely(),
        trouble(),
    )
        .prop_map(|(challenge, code, address, device, older, crosses, trouble)| Step::Verify {
            challenge,
            code,
            address,
            device,
            older,
            crosses,
            trouble,
        });
    let refresh =
        (recent(), rarely(), trouble()).prop_map(|(token, crosses, trouble)| Step::Refresh { token, crosses, trouble });
    let sign_out = (credential, recent(), rarely(), trouble())
        .prop_map(|(with, token, crosses, trouble)| Step::SignOut { with, token, crosses, trouble });
    prop_oneof![
        7 => request,
        7 => verify,
        7 => refresh,
        2 => sign_out,
        1 => recent().prop_map(|challenge| Step::Guess { challenge }),
        2 => (recent(), any::<bool>()).prop_map(|(token, leaves)| Step::Unlock { token, leaves }),
        1 => (recent(), 0..3_u8).prop_map(|(challenge, network)| Step::Resend { challenge, network }),
        2 => (recent(), proptest::sample::select(&[0, 9_000, 11_000, 40_000_000][..]))
            .prop_map(|(token, millis)| Step::RefreshAgain { token, millis }),
        1 => (0..2_usize, 0..2_usize).prop_map(|(realm, address)| Step::UseUp { realm, address }),
        2 => (recent(), rarely()).prop_map(|(token, crosses)| Step::Use { token, crosses }),
        1 => (0..2_usize, recent(), trouble()).prop_map(|(realm, user, trouble)| Step::EndSessions { realm, user, trouble }),
        1 => (recent(), 0..4_usize).prop_map(|(user, address)| Step::ChangeAddress { user, address }),
        1 => recent().prop_map(|user| Step::DeleteUser { user }),
        1 => recent().prop_map(|user| Step::UnverifyUser { user }),
        1 => (0..4_usize).prop_map(|address| Step::AddUser { address }),
        6 => millis.prop_map(|millis| Step::Pass { millis }),
        1 => Just(Step::ClockGoesBack),
        1 => (0..2_usize).prop_map(|realm| Step::CleanUp { realm }),
        1 => (0..2_usize).prop_map(|realm| Step::Restart { realm }),
    ]
}

/// What must happen in some case.
const REACHED: &[(&str, Outcome)] = &[
    ("request", Outcome::Sent),
    ("request", Outcome::Wait),
    ("request", Outcome::NotDelivered),
    ("request", Outcome::Unknown),
    ("total", Outcome::Wait),
    ("known device", Outcome::Sent),
    ("unlock", Outcome::Sent),
    ("unlock", Outcome::Wait),
    ("unlock by an alias", Outcome::Sent),
    ("unlock after a changed address", Outcome::Sent),
    ("unlock in vain", Outcome::Sent),
    ("unlock in vain", Outcome::Wait),
    ("continue", Outcome::Sent),
    ("verify", Outcome::Tokens(0)),
    ("verify", Outcome::Invalid),
    ("verify", Outcome::TooMany),
    ("verify", Outcome::Unknown),
    ("refresh", Outcome::Tokens(0)),
    ("reissue", Outcome::Tokens(0)),
    ("refresh", Outcome::Invalid),
    ("refresh", Outcome::Revoked),
    ("refresh", Outcome::Unknown),
    ("sign out", Outcome::Done),
    ("/me", Outcome::Done),
    ("/me", Outcome::Invalid),
    ("/claims", Outcome::Done),
    ("/claims", Outcome::Invalid),
    ("/verified", Outcome::Unverified),
];

/// Runs cases, and panics with the shortest failing one that it finds.
fn check(backend: Backend, kinds: &'static [Kind], default_cases: u32) {
    let cases = std::env::var("PROPERTY_CASES").map_or(default_cases, |cases| cases.parse().expect("a number"));
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 2_000, ..Config::default() };
    let (counted, tally) = (Cell::new(0_usize), RefCell::new(Tally::new()));
    let outcome = TestRunner::new(config).run(&vec(step(kinds), 1..=40), |steps| {
        counted.set(counted.get() + steps.len());
        run(backend, &steps, &mut tally.borrow_mut()).map_err(TestCaseError::fail)
    });
    match outcome {
        Ok(()) => {
            let tally = tally.into_inner();
            eprintln!("{cases} cases, {} steps over {backend:?}: {tally:?}", counted.get());
            // What no case has reached is not tested.
            for outcome in REACHED {
                assert!(cases < 200 || tally.contains_key(outcome), "{outcome:?} never happened");
            }
        }
        Err(TestError::Fail(reason, steps)) => {
            let steps: Vec<_> = steps.iter().zip(1..).map(|(step, number)| format!("{number:3}. {step:?}")).collect();
            panic!("{reason}\n\nthe steps:\n{}", steps.join("\n"));
        }
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}

fn run(backend: Backend, steps: &[Step], tally: &mut Tally) -> Result<(), String> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    // A store in memory needs no real time, so a store that hangs takes none.
    let runtime = builder.enable_all().start_paused(backend == Backend::Memory).build().unwrap();
    runtime.block_on(async {
        let mut world = World::new(backend).await;
        for (step, number) in steps.iter().zip(1..) {
            world.take(step).await.map_err(|error| format!("step {number}: {error}"))?;
        }
        world.finish().await.map_err(|error| format!("after the last step: {error}"))?;
        for (outcome, count) in world.tally {
            *tally.entry(outcome).or_default() += count;
        }
        Ok(())
    })
}

#[test]
fn any_interleaving_keeps_the_contracts_in_memory() {
    use Kind::{DiesAfter, DiesBefore, Fails, Hangs, IsLost, IsUnanswered};
    check(Backend::Memory, &[Fails, IsLost, Hangs, IsUnanswered, DiesBefore, DiesAfter], 250);
}

#[test]
fn any_interleaving_keeps_the_contracts_in_sqlite() {
    check(Backend::Sqlite, &[Kind::Fails, Kind::IsLost], 40);
}
