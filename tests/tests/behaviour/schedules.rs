//! Model checking: every order in which several processes can call the store, with answers that are
//! lost, operations that fail and processes that die at every point. Not a model of the code, but the
//! code itself runs: each actor is a process with its own `OtpAuth`, which stops before each call.
//!
//! The explorer is ours, because the checkers that exist run models of their own, or replace the
//! primitives of threads. Here, processes share nothing but a store.
//!
//! `SCHEDULE_FAULTS` is how many faults a schedule may have at least. By default, only small scenarios
//! have any.

use std::time::Duration;

use otp_auth_tests::{Fault, Operation};

use self::explorer::{Act, Explored, Scenario, Situation, explore};

mod explorer;

/// Longer than the grace period.
const LATER: Duration = Duration::from_secs(11);

/// What changes when nobody signs in.
const SESSION: &[Operation] = &[Operation::Session, Operation::Advance, Operation::Recover, Operation::RevokeSession];

/// What changes when somebody does.
const ATTEMPT: &[Operation] = &[Operation::CountAttempt, Operation::SignIn, Operation::Session];

/// Two tabs present the same refresh token, and try again after an error, while the user signs out.
const TABS: Scenario = Scenario {
    name: "two tabs and a sign-out",
    actors: &[&[Act::Refresh { again: true }], &[Act::Refresh { again: true }], &[Act::SignOut]],
    operations: SESSION,
    faults: 0,
    later: LATER,
    check: |now| {
        rotation(now)?;
        // Nobody has a copy, so only the sign-out may end the session.
        let signed_out = now.begun(Act::SignOut);
        if now.session_ended && !signed_out {
            return Err("the owner was signed out".into());
        }
        Ok(())
    },
};

/// One tab, which loses answers.
const LOST: Scenario =
    Scenario { name: "a tab and a sign-out", actors: &[TABS.actors[0], TABS.actors[2]], faults: 1, ..TABS };

/// The owner and somebody with a copy of a refresh token.
const COPY: Scenario = Scenario {
    name: "an owner and a copy",
    actors: &[
        &[Act::Refresh { again: false }, Act::Refresh { again: false }],
        &[Act::Refresh { again: false }, Act::Refresh { again: false }],
    ],
    operations: SESSION,
    faults: 0,
    later: LATER,
    check: rotation,
};

/// Two requests with the right code, and one with a wrong one.
const CODE: Scenario = Scenario {
    name: "two right codes and a wrong one",
    actors: &[&[Act::Verify { right: true }], &[Act::Verify { right: true }], &[Act::Verify { right: false }]],
    operations: ATTEMPT,
    faults: 0,
    later: explorer::CODE_LIFETIME,
    check: |now| {
        one_sign_in(now)?;
        // With as many attempts as there are, nothing may go to waste.
        if now.is_over && now.is_undisturbed && !now.is_later && now.signed_in != 1 {
            return Err(format!("{} sign-ins with the right code", now.signed_in));
        }
        Ok(())
    },
};

/// One client, which loses answers and tries again.
const LOST_CODE: Scenario = Scenario {
    name: "a right code twice",
    actors: &[&[Act::Verify { right: true }, Act::Verify { right: true }]],
    faults: 2,
    ..CODE
};

/// More wrong codes than there are attempts.
const GUESSES: Scenario = Scenario {
    name: "four wrong codes",
    actors: &[
        &[Act::Verify { right: false }, Act::Verify { right: false }],
        &[Act::Verify { right: false }, Act::Verify { right: false }],
    ],
    check: one_sign_in,
    ..CODE
};

/// A sign-in, a refresh of an earlier session, and an application that changes the address.
const MOVE: Scenario = Scenario {
    name: "a sign-in, a refresh and a changed address",
    actors: &[&[Act::Verify { right: true }], &[Act::Refresh { again: true }], &[Act::ChangeAddress]],
    operations: &[
        Operation::Session,
        Operation::UserById,
        Operation::Advance,
        Operation::Recover,
        Operation::CountAttempt,
        Operation::UserByEmail,
        Operation::SignIn,
    ],
    faults: 0,
    later: LATER,
    check: |now| {
        rotation(now)?;
        one_sign_in(now)?;
        if now.is_over && now.begun(Act::ChangeAddress) && now.any_token_works {
            return Err("a token opens what now belongs to another address".into());
        }
        Ok(())
    },
};

/// Somebody new signs up in two browsers, each with a code of its own. One of them then presents the
/// code of the other as well.
const SIGN_UPS: Scenario = Scenario {
    name: "two sign-ups to a new address, one code twice",
    actors: &[&[Act::SignUp { challenge: 0 }], &[Act::SignUp { challenge: 1 }, Act::SignUp { challenge: 0 }]],
    operations: &[Operation::CountAttempt, Operation::UserByEmail, Operation::SignIn],
    faults: 0,
    later: explorer::CODE_LIFETIME,
    check: |now| {
        one_new_user(now)?;
        // Nothing stands in the way of either code.
        if now.is_over && now.is_undisturbed && !now.is_later && now.signed_up != [1, 1] {
            return Err(format!("{:?} sign-ups with the codes", now.signed_up));
        }
        Ok(())
    },
};

const SCENARIOS: [Scenario; 8] = [TABS, LOST, COPY, CODE, LOST_CODE, GUESSES, MOVE, SIGN_UPS];

fn rotation(now: &Situation) -> Result<(), String> {
    if now.done(Act::SignOut) && !now.session_ended {
        return Err("an acknowledged sign-out was undone".into());
    }
    if now.done(Act::SignOut) && now.is_over && now.first_session_works {
        return Err("a token works after the sign-out".into());
    }
    if now.told_of_reuse && !now.session_ended {
        return Err("a reused token left its session alive".into());
    }
    if now.differing_successors {
        return Err("two successors of one generation".into());
    }
    // Without a lost answer, somebody holds the current token.
    if now.is_over && now.is_undisturbed && now.latest_held != now.generation {
        return Err(format!("generation {}, of which nobody has the token", now.generation));
    }
    Ok(())
}

fn one_sign_in(now: &Situation) -> Result<(), String> {
    if now.signed_in > 1 || now.sessions_made > 1 {
        return Err(format!("{} sign-ins and {} sessions with one code", now.signed_in, now.sessions_made));
    }
    if now.signed_in == 1 && now.sessions_made == 0 && !now.begun(Act::ChangeAddress) {
        return Err("a sign-in without a session".into());
    }
    if now.sessions_made == 0 && now.compared_wrong > explorer::MAX_ATTEMPTS {
        return Err(format!("{} wrong codes were compared", now.compared_wrong));
    }
    if now.is_over && now.code_is_lost {
        return Err("neither signed in nor a code that works".into());
    }
    Ok(())
}

fn one_new_user(now: &Situation) -> Result<(), String> {
    if now.signed_up.iter().any(|count| *count > 1) || now.sessions_made > now.signed_up.len() {
        return Err(format!("{:?} sign-ups and {} sessions with two codes", now.signed_up, now.sessions_made));
    }
    let signed_up = now.signed_up != [0, 0] || now.sessions_made > 0;
    if now.users_made > 1 || now.users_answered > 1 || (signed_up && now.users_made == 0) {
        return Err(format!("{} users were made, and {} were answered", now.users_made, now.users_answered));
    }
    if now.is_over && !now.all_sign_ups_work {
        return Err("a sign-up was ended by the other one".into());
    }
    Ok(())
}

#[test]
fn every_schedule_keeps_the_contracts() {
    let faults = std::env::var("SCHEDULE_FAULTS").map_or(0, |faults| faults.parse().expect("a number"));
    for scenario in &SCENARIOS {
        let Explored { states, steps, ends, goals } = explore(scenario, None, faults.max(scenario.faults))
            .unwrap_or_else(|failure| panic!("{}: {failure}", scenario.name));
        eprintln!("{}: {states} states, {steps} steps, {ends} ends; reached: {goals:?}", scenario.name);
        // Something good can happen, or nothing was checked.
        for goal in scenario.actors.iter().flat_map(|acts| acts.iter()) {
            assert!(*goal == Act::Verify { right: false } || goals.contains(goal), "{}: never {goal:?}", scenario.name);
        }
    }
}

/// A checker that finds nothing proves nothing.
#[test]
fn a_store_that_breaks_its_contract_is_found() {
    for (scenario, operation) in [
        (&TABS, Operation::Advance),
        (&TABS, Operation::RevokeSession),
        (&COPY, Operation::RevokeSession),
        (&CODE, Operation::SignIn),
        (&GUESSES, Operation::CountAttempt),
        (&SIGN_UPS, Operation::SignIn),
    ] {
        let Err(failure) = explore(scenario, Some((operation, Fault::Careless)), 0) else {
            panic!("{}: a careless {operation:?} was not found", scenario.name);
        };
        eprintln!("{}, a careless {operation:?}: {failure}", scenario.name);
    }
}
