//! What the contracts say, as small state machines that share no code with the library.
//!
//! After a lost answer nobody knows what happened, so a [`Possible`] keeps every state that explains
//! all observations so far. An observation that no state explains violates a contract.

use std::fmt::Debug;

/// Milliseconds.
pub(super) type Time = i64;

const SECOND: Time = 1_000;
const HOUR: Time = 3_600 * SECOND;
const DAY: Time = 24 * HOUR;

// The settings of the applications.
pub(super) const COOLDOWN: Time = 60 * SECOND;
pub(super) const SENDS_PER_HOUR: u32 = 2;
pub(super) const SENDS_PER_DAY: u32 = 3;
pub(super) const SENDS_PER_DAY_TOTAL: u32 = 4;
pub(super) const MAX_ATTEMPTS: u32 = 3;
pub(super) const CODE_LIFETIME: Time = 600 * SECOND;
pub(super) const GRACE: Time = 10 * SECOND;
pub(super) const ACCESS_LIFETIME: Time = HOUR;
pub(super) const REFRESH_LIFETIME: Time = 2 * DAY;
/// How long a lost answer to a refresh is made up for.
const RECOVERY: Time = DAY;

/// Every state that explains what was observed.
#[derive(Debug, Clone)]
pub(super) struct Possible<S>(Vec<S>);

impl<S: Clone + PartialEq + Debug> Possible<S> {
    pub(super) fn one(state: S) -> Self {
        Self(vec![state])
    }

    /// Each state says which outcomes it allows, and what they make of it. Keeps what explains the
    /// observed one.
    pub(super) fn observe<O: PartialEq + Debug>(
        &mut self,
        observed: &O,
        step: impl Fn(&S) -> Vec<(O, S)>,
    ) -> Result<(), String> {
        let allowed: Vec<(O, S)> = self.0.iter().flat_map(step).collect();
        let mut next = Vec::new();
        for (outcome, state) in &allowed {
            if outcome == observed && !next.contains(state) {
                next.push(state.clone());
            }
        }
        if next.is_empty() {
            let allowed: Vec<_> = allowed.iter().map(|(outcome, _)| outcome).collect();
            return Err(format!("observed {observed:?}, allowed {allowed:?}, because of {:?}", self.0));
        }
        self.0 = next;
        Ok(())
    }

    /// Keeps the states that have this property, which is now known.
    pub(super) fn know(&mut self, what: &str, has: impl Fn(&S) -> bool) -> Result<(), String> {
        self.0.retain(has);
        if self.0.is_empty() { Err(format!("{what}, which no state explains")) } else { Ok(()) }
    }

    /// Something that certainly happened.
    pub(super) fn change(&mut self, change: impl Fn(&mut S)) {
        self.0.iter_mut().for_each(change);
    }

    /// Something that may have happened.
    pub(super) fn may_change(&mut self, change: impl Fn(&mut S)) {
        let mut changed = self.clone();
        changed.change(change);
        for state in changed.0 {
            if !self.0.contains(&state) {
                self.0.push(state);
            }
        }
    }

    /// Every pair of states.
    pub(super) fn with<T: Clone>(&self, other: &Possible<T>) -> Possible<(S, T)> {
        let pairs = self.0.iter().flat_map(|one| other.0.iter().map(move |two| (one.clone(), two.clone())));
        Possible(pairs.collect())
    }

    pub(super) fn map<T: PartialEq>(&self, map: impl Fn(&S) -> T) -> Possible<T> {
        let mut states = Vec::new();
        for state in self.0.iter().map(map) {
            if !states.contains(&state) {
                states.push(state);
            }
        }
        Possible(states)
    }

    pub(super) fn may(&self, has: impl Fn(&S) -> bool) -> bool {
        self.0.iter().any(has)
    }
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    /// A code was sent.
    Sent,
    /// No code may be sent yet.
    Wait,
    /// The sender failed.
    NotDelivered,
    /// Signed in, with tokens of this generation.
    Tokens(u32),
    /// Accepted, without tokens.
    Done,
    /// The credentials are not valid.
    Invalid,
    /// No attempts are left.
    TooMany,
    /// The session was ended.
    Revoked,
    /// Valid, but the address is not verified.
    Unverified,
    /// The store failed, or nobody waited for the answer.
    Unknown,
}

/// What the sender does with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    /// Takes it.
    Take,
    /// Rejects it.
    Fail,
    /// Takes it, and reports an unknown outcome.
    Lose,
}

/// A number of sends since a time.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Window {
    since: Time,
    sends: u32,
}

impl Window {
    const EMPTY: Self = Self { since: Time::MIN / 2, sends: 0 };

    fn at(self, now: Time, length: Time) -> Self {
        if self.is_over(now, length) { Self { since: now, sends: 0 } } else { self }
    }

    fn spent(self, now: Time, length: Time, limit: u32) -> Option<Self> {
        let Self { since, sends } = self.at(now, length);
        (sends < limit).then_some(Self { since, sends: sends + 1 })
    }

    fn is_over(self, now: Time, length: Time) -> bool {
        now - self.since >= length
    }

    fn back(self) -> Self {
        Self { sends: self.sends.saturating_sub(1), ..self }
    }
}

/// What may be sent to an address, and to one payer of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Budget {
    next: Time,
    hour: Window,
    day: Window,
}

impl Budget {
    pub(super) const FULL: Self = Self { next: Time::MIN / 2, hour: Window::EMPTY, day: Window::EMPTY };

    pub(super) fn spent(self, now: Time) -> Option<Self> {
        if now < self.next {
            return None;
        }
        Some(Self {
            next: now + COOLDOWN,
            hour: self.hour.spent(now, HOUR, SENDS_PER_HOUR)?,
            day: self.day.spent(now, DAY, SENDS_PER_DAY)?,
        })
    }

    pub(super) fn clean_up(&mut self, now: Time) {
        if self.next <= now && self.hour.is_over(now, HOUR) && self.day.is_over(now, DAY) {
            *self = Self::FULL;
        }
    }

    /// What a send that failed leaves of it.
    pub(super) fn refunded(self, now: Time, delivery: Delivery) -> Self {
        match delivery {
            Delivery::Take => self,
            Delivery::Fail => Self { next: now, hour: self.hour.back(), day: self.day.back() },
            Delivery::Lose => Self { next: now, ..self },
        }
    }
}

/// What all strangers may send to an address.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Total(Window);

impl Total {
    pub(super) const FULL: Self = Self(Window::EMPTY);

    pub(super) fn spent(self, now: Time) -> Option<Self> {
        self.0.spent(now, DAY, SENDS_PER_DAY_TOTAL).map(Self)
    }

    pub(super) fn clean_up(&mut self, now: Time) {
        if self.0.is_over(now, DAY) {
            *self = Self::FULL;
        }
    }

    /// If the clock has gone back since the day began, the send stays counted.
    pub(super) fn refunded(self, now: Time, delivery: Delivery) -> Self {
        if delivery == Delivery::Fail && self.0.since <= now { Self(self.0.back()) } else { self }
    }
}

/// One payment, from a budget and perhaps a total.
pub(super) fn pay(
    budget: Budget,
    total: Option<Total>,
    now: Time,
    delivery: Delivery,
    disturbed: bool,
) -> Vec<(Outcome, (Budget, Option<Total>))> {
    let unchanged = (budget, total);
    let mut all = vec![];
    let spent = budget.spent(now).zip(match total {
        Some(total) => total.spent(now).map(Some),
        None => Some(None),
    });
    if let Some((budget, total)) = spent {
        let refunded = (budget.refunded(now, delivery), total.map(|total| total.refunded(now, delivery)));
        let outcome = if delivery == Delivery::Take { Outcome::Sent } else { Outcome::NotDelivered };
        all.push((outcome, refunded));
        if disturbed {
            // The send, its refund or both may have been lost.
            let whole = budget.refunded(now, Delivery::Fail);
            let back = total.map(|total| total.refunded(now, Delivery::Fail));
            for state in [(budget, total), refunded, (whole, total), (whole, back)] {
                all.extend([(outcome, state), (Outcome::Unknown, state)]);
            }
        }
    } else {
        all.push((Outcome::Wait, unchanged));
    }
    if disturbed {
        all.push((Outcome::Unknown, unchanged));
    }
    all
}

/// A challenge that somebody holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Challenge {
    pub(super) attempts: u32,
    pub(super) accepted: bool,
}

impl Challenge {
    pub(super) const FRESH: Self = Self { attempts: 0, accepted: false };

    /// Whether another e-mail continues it.
    pub(super) fn continues(self, live: bool) -> bool {
        live && !self.accepted && self.attempts < MAX_ATTEMPTS
    }

    /// An attempt with the right code for its address, or with anything else.
    pub(super) fn attempt(self, live: bool, right: bool, disturbed: bool) -> Vec<(Outcome, Self)> {
        let counted = Self { attempts: (self.attempts + 1).min(MAX_ATTEMPTS + 1), ..self };
        let accepted = Self { accepted: true, ..counted };
        let opens = right && live && !self.accepted && self.attempts < MAX_ATTEMPTS;
        let mut all = vec![if !live || self.accepted {
            (Outcome::Invalid, counted)
        } else if self.attempts >= MAX_ATTEMPTS {
            (Outcome::TooMany, counted)
        } else if right {
            (Outcome::Tokens(0), accepted)
        } else {
            (Outcome::Invalid, counted)
        }];
        if disturbed {
            all.extend([(Outcome::Unknown, self), (Outcome::Unknown, counted)]);
            if opens {
                all.push((Outcome::Unknown, accepted));
            }
        }
        all
    }
}

/// A session.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Session {
    generation: u32,
    refreshed: Time,
    /// Which generation was reissued last, and when.
    recovered: Option<(u32, Time)>,
    pub(super) ended: bool,
}

impl Session {
    pub(super) fn begun(now: Time) -> Self {
        Self { generation: 0, refreshed: now, recovered: None, ended: false }
    }

    /// A refresh with the token of a generation; `usable` says whether the user still has the
    /// address.
    pub(super) fn refresh(
        self,
        generation: u32,
        now: Time,
        live: bool,
        usable: bool,
        disturbed: bool,
    ) -> Vec<(Outcome, Self)> {
        let (outcome, next) = self.refreshed(generation, now, live, usable);
        let mut all = vec![(outcome, next)];
        if disturbed {
            all.extend([(Outcome::Unknown, self), (Outcome::Unknown, next)]);
        }
        all
    }

    fn refreshed(self, generation: u32, now: Time, live: bool, usable: bool) -> (Outcome, Self) {
        let ended = Self { ended: true, ..self };
        let next = Self { generation: self.generation + 1, refreshed: now, ..self };
        let answered =
            |state: Self| if usable { (Outcome::Tokens(state.generation), state) } else { (Outcome::Invalid, self) };
        if !live {
            return (Outcome::Invalid, self);
        }
        if self.ended {
            return (Outcome::Revoked, self);
        }
        if generation == self.generation {
            return answered(next);
        }
        if generation + 1 != self.generation {
            return (Outcome::Revoked, ended);
        }
        let reissued = self.recovered.filter(|(of, _)| *of == self.generation).map(|(_, at)| at);
        if now < reissued.unwrap_or(self.refreshed) + GRACE {
            return answered(self);
        }
        let is_known = self.recovered.is_some_and(|(of, _)| of >= generation);
        if !is_known && now < self.refreshed + RECOVERY {
            return answered(Self { recovered: Some((self.generation, now)), ..self });
        }
        (Outcome::Revoked, ended)
    }

    /// A sign-out with any of its tokens.
    pub(super) fn sign_out(self, disturbed: bool) -> Vec<(Outcome, Self)> {
        let ended = Self { ended: true, ..self };
        let mut all = vec![(Outcome::Done, ended)];
        if disturbed {
            all.extend([(Outcome::Unknown, self), (Outcome::Unknown, ended)]);
        }
        all
    }
}
