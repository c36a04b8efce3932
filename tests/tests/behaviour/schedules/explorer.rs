//! Runs a scenario again and again, each time in another order, until no new state turns up.
//!
//! A state is what the store knows, the time, and for each actor what it has seen so far: each of its
//! operations with what the store knew then. What an actor does next follows from that, so a state
//! that was reached before needs no second look.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::fmt::Write as _;
use std::future::{Future, poll_fn};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use otp_auth::auth::{AuthError, CodeRequest, SignedIn, Verification};
use otp_auth::session::SessionId;
use otp_auth::store::{Realm, SessionStore, Timestamp};
use otp_auth::testing::{CapturingSender, TestClock};
use otp_auth::{MemoryStore, OtpAuth};
use otp_auth_tests::app::wrong;
use otp_auth_tests::config::BodyAuth;
use otp_auth_tests::{Fault, Faults, Faulty, Operation, SECRET, TestConfig, TestHooks, Tuned, User, tokens};

pub(super) const MAX_ATTEMPTS: usize = 3;

pub(super) const CODE_LIFETIME: Duration = Duration::from_mins(10);

/// What an actor does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Act {
    /// Exchanges its refresh token, and perhaps tries once more after a store failure.
    Refresh { again: bool },
    /// Signs out with its refresh token.
    SignOut,
    /// Presents the right code, or a wrong one.
    Verify { right: bool },
    /// Presents the right code of one of two challenges for a new address.
    SignUp { challenge: usize },
    /// The application gives the user another address.
    ChangeAddress,
}

/// What several actors do at the same time.
pub(super) struct Scenario {
    pub(super) name: &'static str,
    pub(super) actors: &'static [&'static [Act]],
    /// The operations that wait for their turn: those on what changes.
    pub(super) operations: &'static [Operation],
    /// How many faults each schedule may have.
    pub(super) faults: usize,
    /// At some point, this much time passes.
    pub(super) later: Duration,
    pub(super) check: fn(&Situation) -> Result<(), String>,
}

impl Scenario {
    fn signs_up(&self) -> bool {
        self.actors.iter().any(|acts| matches!(acts[0], Act::SignUp { .. }))
    }
}

/// What is the case after some steps.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "they are independent facts")]
pub(super) struct Situation {
    /// The acts that have begun, and those that were successful.
    begun: Vec<Act>,
    done: Vec<Act>,
    /// Nobody has anything left to do.
    pub(super) is_over: bool,
    /// Nothing has failed, no answer was lost, nobody has died.
    pub(super) is_undisturbed: bool,
    /// The time has passed.
    pub(super) is_later: bool,
    /// The session that exists from the beginning.
    pub(super) session_ended: bool,
    pub(super) generation: u64,
    /// The latest generation that anybody holds.
    pub(super) latest_held: u64,
    pub(super) differing_successors: bool,
    /// Somebody was told that the session was ended.
    pub(super) told_of_reuse: bool,
    /// Successful answers to a code, and sessions that exist because of it.
    pub(super) signed_in: usize,
    pub(super) sessions_made: usize,
    /// Successful answers to the code of each challenge for a new address, the users who have that
    /// address, and who was answered to have it.
    pub(super) signed_up: [usize; 2],
    pub(super) users_made: usize,
    pub(super) users_answered: usize,
    /// Wrong codes that were compared, if nobody has signed in yet.
    pub(super) compared_wrong: usize,
    /// The right code does not work anymore, although nobody has signed in with it. This and what
    /// follows is only known when all is over.
    pub(super) code_is_lost: bool,
    pub(super) first_session_works: bool,
    pub(super) any_token_works: bool,
    pub(super) all_sign_ups_work: bool,
}

impl Situation {
    pub(super) fn begun(&self, act: Act) -> bool {
        self.begun.contains(&act)
    }

    pub(super) fn done(&self, act: Act) -> bool {
        self.done.contains(&act)
    }
}

/// What was explored.
pub(super) struct Explored {
    /// Different states.
    pub(super) states: usize,
    /// Steps from one state to another.
    pub(super) steps: usize,
    /// States in which all is over.
    pub(super) ends: usize,
    /// Which acts were successful somewhere.
    pub(super) goals: HashSet<Act>,
}

/// The next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    /// An actor begins, or its next operation runs, as it should or with this fault.
    Go(usize, Option<Fault>),
    /// An actor dies before its next operation.
    DieBefore(usize),
    /// An actor dies after its next operation.
    DieAfter(usize),
    /// The time passes.
    Wait,
}

type Auth = OtpAuth<Tuned<BodyAuth>>;

/// One process for each actor, and one that watches, over one store.
struct Processes {
    store: Faulty<MemoryStore<User>>,
    sender: CapturingSender,
    clock: TestClock,
    actors: Vec<(Auth, Faults)>,
    watcher: Auth,
    runs: Cell<u32>,
}

impl Processes {
    fn start(scenario: &Scenario, broken: Option<(Operation, Fault)>) -> Self {
        let store = Faulty::new(MemoryStore::new(User::first), Faults::default());
        let (sender, clock) = (CapturingSender::new(), TestClock::default());
        let start = |faults: &Faults| {
            let config = BodyAuth::assemble(&SECRET, sender.clone(), TestHooks::default());
            let attempts = u8::try_from(MAX_ATTEMPTS).unwrap();
            let config = Tuned::new(config, Arc::new(move |settings| settings.max_otp_attempts(attempts)));
            OtpAuth::with_clock(config, store.with(faults.clone()), clock.clock()).unwrap()
        };
        let actor = |_: &&[Act]| {
            let faults = Faults::default();
            if let Some((operation, fault)) = broken {
                faults.set(operation, fault);
            }
            (start(&faults), faults)
        };
        let (actors, watcher) = (scenario.actors.iter().map(actor).collect(), start(&Faults::default()));
        Self { store, sender, clock, actors, watcher, runs: Cell::default() }
    }
}

/// What the actors have got.
#[derive(Default)]
struct Log {
    begun: Vec<Act>,
    done: Vec<Act>,
    issued: Vec<SignedIn<User>>,
    told_of_reuse: bool,
    signed_in: usize,
    signed_up: [usize; 2],
    compared_wrong: usize,
}

struct Actor {
    future: Pin<Box<dyn Future<Output = ()>>>,
    is_over: bool,
    has_begun: bool,
    /// A hash of what it has seen.
    history: u64,
}

/// One run of a scenario.
struct Run<'a> {
    processes: &'a Processes,
    scenario: &'a Scenario,
    actors: Vec<Actor>,
    log: Rc<RefCell<Log>>,
    address: String,
    /// The code and the challenge of each request.
    requested: Vec<(String, String)>,
    user: i64,
    first: SessionId,
    began: Timestamp,
    faults: usize,
    is_later: bool,
    attempts: usize,
    /// Sessions other than the first.
    made: Vec<SessionId>,
}

fn realm() -> Realm {
    Realm::new("users").unwrap()
}

impl<'a> Run<'a> {
    /// A user who is signed in, and has requested another code; or somebody new has requested two.
    async fn begin(processes: &'a Processes, scenario: &'a Scenario) -> Self {
        // Nothing of earlier runs matters to this one.
        processes.clock.advance(Duration::from_hours(48));
        let number = processes.runs.get();
        processes.runs.set(number + 1);
        let (auth, mut address) = (&processes.watcher, format!("user{number}@example.com"));
        let request = async |address: &str| {
            let requested = auth.request_code(CodeRequest::new(address)).await.unwrap();
            (processes.sender.code_for(address).unwrap(), requested.challenge.expose().to_owned())
        };
        let (code, challenge) = request(&address).await;
        let verification = Verification::new(&address, &code).challenge(challenge.as_str());
        let first = auth.verify_code(verification).await.unwrap();
        let mut requested = Vec::new();
        if scenario.signs_up() {
            address = format!("new-{address}");
            requested.push(request(&address).await);
        }
        processes.clock.advance(Duration::from_secs(60));
        requested.push(request(&address).await);

        let log = Rc::new(RefCell::new(Log::default()));
        let mut actors = Vec::new();
        for (acts, (auth, faults)) in scenario.actors.iter().zip(&processes.actors) {
            faults.gate(scenario.operations);
            let (auth, log, store) = (auth.clone(), Rc::clone(&log), processes.store.clone());
            let (address, requested) = (address.clone(), requested.clone());
            let (clock, expires_at) = (processes.clock.clone(), processes.clock.now() + CODE_LIFETIME);
            let (user, mut token) = (first.user.clone(), first.tokens.refresh_token.expose().to_owned());
            let future = async move {
                for act in *acts {
                    log.borrow_mut().begun.push(*act);
                    let outcome = match *act {
                        Act::Refresh { again } => {
                            let mut refreshed = auth.refresh(&token).await;
                            if again && matches!(refreshed, Err(AuthError::Store(_))) {
                                refreshed = auth.refresh(&token).await;
                            }
                            let mut log = log.borrow_mut();
                            log.told_of_reuse |= matches!(refreshed, Err(AuthError::SessionRevoked));
                            refreshed.map(|signed_in| {
                                signed_in.tokens.refresh_token.expose().clone_into(&mut token);
                                log.issued.push(signed_in);
                            })
                        }
                        Act::SignOut => auth.sign_out(&[&token], None).await,
                        Act::Verify { right } => {
                            let (code, challenge) = &requested[0];
                            let code = if right { code.clone() } else { wrong(code) };
                            let verification = Verification::new(&address, &code).challenge(challenge.as_str());
                            let live = clock.now() < expires_at;
                            let verified = auth.verify_code(verification).await;
                            let mut log = log.borrow_mut();
                            let compared = live && !right && matches!(verified, Err(AuthError::InvalidCode));
                            log.compared_wrong += usize::from(compared);
                            verified.map(|signed_in| {
                                log.signed_in += 1;
                                log.issued.push(signed_in);
                            })
                        }
                        Act::SignUp { challenge } => {
                            let (code, challenge_text) = &requested[challenge];
                            let verification = Verification::new(&address, code).challenge(challenge_text.as_str());
                            let verified = auth.verify_code(verification).await;
                            let mut log = log.borrow_mut();
                            verified.map(|signed_in| {
                                log.signed_up[challenge] += 1;
                                log.issued.push(signed_in);
                            })
                        }
                        Act::ChangeAddress => {
                            store.inner().remove_user(&user.id);
                            store.inner().insert_user(User { email: format!("new-{}", user.email), ..user.clone() });
                            Ok(())
                        }
                    };
                    if outcome.is_ok() {
                        log.borrow_mut().done.push(*act);
                    }
                }
            };
            actors.push(Actor { future: Box::pin(future), is_over: false, has_begun: false, history: 0 });
        }
        Self {
            processes,
            scenario,
            actors,
            log,
            address,
            requested,
            user: first.user.id,
            first: first.session.id,
            began: processes.clock.now(),
            faults: 0,
            is_later: false,
            attempts: 0,
            made: Vec::new(),
        }
    }

    /// Runs an actor until its next operation.
    async fn poll(&mut self, number: usize) {
        let faults = &self.processes.actors[number].1;
        let actor = &mut self.actors[number];
        // Some of what it does runs in tasks.
        for _ in 0..1_000 {
            if poll_fn(|context| Poll::Ready(actor.future.as_mut().poll(context).is_ready())).await {
                actor.is_over = true;
                return;
            }
            if faults.waiting().is_some() {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("an actor waits for something else than the store");
    }

    async fn take(&mut self, choice: Choice) {
        let known = self.known().await;
        let (number, fault) = match choice {
            Choice::Wait => {
                self.processes.clock.advance(self.scenario.later);
                self.is_later = true;
                return;
            }
            Choice::DieBefore(number) => {
                self.faults += 1;
                self.bury(number);
                return;
            }
            Choice::DieAfter(number) => (number, Some(Fault::Unanswered)),
            Choice::Go(number, fault) => (number, fault),
        };
        let mut seen = DefaultHasher::new();
        (self.actors[number].history, known).hash(&mut seen);
        if self.actors[number].has_begun {
            let faults = &self.processes.actors[number].1;
            let operation = faults.waiting().expect("it waits");
            format!("{operation:?} {fault:?}").hash(&mut seen);
            self.faults += usize::from(fault.is_some());
            self.attempts += usize::from(operation == Operation::CountAttempt && fault != Some(Fault::Fail));
            let usual = fault.map(|fault| faults.replace(operation, Some(fault)));
            faults.grant();
            if fault == Some(Fault::Unanswered) {
                let future = &mut self.actors[number].future;
                poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready())).await;
                self.bury(number);
            } else {
                self.poll(number).await;
            }
            if let Some(usual) = usual {
                self.processes.actors[number].1.replace(operation, usual);
            }
        } else {
            self.actors[number].has_begun = true;
            self.poll(number).await;
        }
        self.actors[number].history = seen.finish();
        let store = self.processes.store.inner();
        for user in if self.scenario.signs_up() { self.owners() } else { vec![self.user] } {
            for session in store.user_sessions(&realm(), &user.to_string(), self.began).await.unwrap() {
                if session.id != self.first && !self.made.contains(&session.id) {
                    self.made.push(session.id);
                }
            }
        }
    }

    /// Who has the address.
    fn owners(&self) -> Vec<i64> {
        let users = self.processes.store.inner().users();
        users.iter().filter(|user| user.email == self.address).map(|user| user.id).collect()
    }

    fn bury(&mut self, number: usize) {
        self.actors[number].is_over = true;
        self.actors[number].future = Box::pin(std::future::ready(()));
    }

    /// What the store knows, and the time.
    async fn known(&self) -> String {
        let store = self.processes.store.inner();
        let mut known = format!("{} {}", self.is_later, self.attempts.min(MAX_ATTEMPTS + 1));
        for id in [self.first].iter().chain(&self.made) {
            // Only a broken store deletes it.
            let Some(session) = store.session(&realm(), *id).await.unwrap() else { continue };
            let since = |at: Timestamp| at.as_millis() - self.began.as_millis();
            let recovered = session.recovery.map(|recovery| (recovery.generation, since(recovery.at)));
            let (generation, ended) = (session.generation, session.revoked_at.is_some());
            write!(known, " {generation} {} {recovered:?} {ended}", since(session.refreshed_at)).unwrap();
        }
        let owners: Vec<_> = self.owners().iter().map(|owner| *owner == self.user).collect();
        write!(known, " {owners:?}").unwrap();
        known
    }

    async fn state(&self) -> u64 {
        let mut state = DefaultHasher::new();
        (self.known().await, self.faults).hash(&mut state);
        for actor in &self.actors {
            (actor.is_over, actor.has_begun, actor.history).hash(&mut state);
        }
        state.finish()
    }

    fn choices(&self, max_faults: usize) -> Vec<Choice> {
        let mut choices = Vec::new();
        for (number, actor) in self.actors.iter().enumerate().filter(|(_, actor)| !actor.is_over) {
            choices.push(Choice::Go(number, None));
            if actor.has_begun && self.faults < max_faults {
                choices.extend([
                    Choice::Go(number, Some(Fault::Fail)),
                    Choice::Go(number, Some(Fault::Lost)),
                    Choice::DieBefore(number),
                    Choice::DieAfter(number),
                ]);
            }
        }
        if !choices.is_empty() && !self.is_later {
            choices.push(Choice::Wait);
        }
        choices
    }

    /// What the log says.
    fn logged(&self) -> Situation {
        let log = self.log.borrow();
        let of_first = || log.issued.iter().filter(|issued| issued.session.id == self.first);
        let token = |issued: &SignedIn<User>| issued.tokens.refresh_token.expose().to_owned();
        let generation = |issued: &SignedIn<User>| tokens::payload(&token(issued))["gen"].as_u64().unwrap();
        let differs =
            |one: &SignedIn<User>| of_first().any(|two| generation(one) == generation(two) && token(one) != token(two));
        Situation {
            begun: log.begun.clone(),
            done: log.done.clone(),
            latest_held: of_first().map(generation).max().unwrap_or(0),
            differing_successors: of_first().any(differs),
            told_of_reuse: log.told_of_reuse,
            signed_in: log.signed_in,
            signed_up: log.signed_up,
            users_made: self.owners().len(),
            users_answered: log.issued.iter().map(|issued| issued.user.id).collect::<HashSet<_>>().len(),
            compared_wrong: log.compared_wrong,
            ..Situation::default()
        }
    }

    async fn situation(&self) -> Situation {
        let (store, auth) = (self.processes.store.inner(), &self.processes.watcher);
        let first = store.session(&realm(), self.first).await.unwrap();
        let mut situation = Situation {
            is_over: self.actors.iter().all(|actor| actor.is_over),
            is_undisturbed: self.faults == 0,
            is_later: self.is_later,
            session_ended: first.as_ref().is_none_or(|first| first.revoked_at.is_some()),
            generation: first.map_or(0, |first| first.generation.into()),
            sessions_made: self.made.len(),
            ..self.logged()
        };
        if situation.is_over {
            situation.all_sign_ups_work = true;
            let issued = std::mem::take(&mut self.log.borrow_mut().issued);
            for issued in issued {
                let works = auth.authenticate(issued.tokens.access_token.expose()).await.is_ok();
                // Whoever gets the address of another is somebody else.
                situation.any_token_works |= works && issued.user.id == self.user;
                situation.first_session_works |= works && issued.session.id == self.first;
                situation.all_sign_ups_work &= works || !self.scenario.signs_up();
            }
            let may_expect = self.made.is_empty() && !self.is_later && self.attempts < MAX_ATTEMPTS;
            if may_expect && store.users().iter().any(|user| user.id == self.user && user.email == self.address) {
                let (code, challenge) = &self.requested[0];
                let verification = Verification::new(&self.address, code).challenge(challenge.as_str());
                situation.code_is_lost = auth.verify_code(verification).await.is_err();
            }
        }
        situation
    }
}

/// Explores every schedule with at most so many faults, depth first. The error is the first schedule
/// that breaks a contract.
pub(super) fn explore(
    scenario: &Scenario,
    broken: Option<(Operation, Fault)>,
    max_faults: usize,
) -> Result<Explored, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(tokio::task::unconstrained(async {
        let mut processes = Processes::start(scenario, broken);
        let mut seen = HashSet::new();
        let mut explored = Explored { states: 0, steps: 0, ends: 0, goals: HashSet::new() };
        let mut paths = vec![Vec::new()];
        while let Some(mut path) = paths.pop() {
            // Rows of earlier runs take time.
            if processes.runs.get() == 500 {
                processes = Processes::start(scenario, broken);
            }
            let mut run = Run::begin(&processes, scenario).await;
            for choice in &path {
                run.take(*choice).await;
            }
            // Goes on with the first choice, and leaves the others for later.
            while seen.insert(run.state().await) {
                explored.states += 1;
                let (choices, situation) = (run.choices(max_faults), run.situation().await);
                (scenario.check)(&situation).map_err(|error| format!("{error}\n{path:?}\n{situation:?}"))?;
                explored.ends += usize::from(situation.is_over);
                explored.goals.extend(situation.done);
                explored.steps += choices.len();
                let Some((first, others)) = choices.split_first() else { break };
                paths.extend(others.iter().map(|choice| [&path[..], &[*choice]].concat()));
                path.push(*first);
                run.take(*first).await;
            }
        }
        Ok(explored)
    }))
}
