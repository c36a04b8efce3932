//! Concurrent sign-ins, refreshes and sign-outs at two processes, and what must hold whatever
//! happens to their database.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use otp_auth_tests::{Answer, Client, Pair, Target};
use tokio::task::JoinSet;

/// A request that still fails after this many attempts never succeeds.
const PATIENCE: usize = 600;

/// Clients at work. Clones share their counters.
#[derive(Clone)]
pub(crate) struct Load {
    pair: Pair,
    tally: Arc<Tally>,
}

#[derive(Default)]
struct Tally {
    rounds: AtomicUsize,
    failures: AtomicUsize,
    stop: AtomicBool,
}

/// A session whose sign-out was acknowledged, with what its client knows.
pub(crate) struct Ended {
    pub(crate) email: String,
    code: String,
    client: Client<Pair>,
}

/// What a client sends.
#[derive(Clone, Copy)]
enum Request<'a> {
    Code { email: &'a str },
    SignIn { email: &'a str, code: &'a str },
    Refresh,
    Me,
    SignOut,
}

impl Request<'_> {
    async fn send(self, mut client: Client<Pair>) -> Answer {
        match self {
            Self::Code { email } => client.request(email).await,
            Self::SignIn { email, code } => client.verify(email, code).await,
            Self::Refresh => client.refresh().await,
            Self::Me => client.get("/me").await,
            Self::SignOut => client.logout().await,
        }
    }
}

impl Load {
    pub(crate) fn new(pair: &Pair) -> Self {
        Self { pair: pair.clone(), tally: Arc::default() }
    }

    /// Runs this many workers, each with this many rounds with its own addresses.
    pub(crate) async fn rounds(&self, workers: usize, rounds: usize) -> Vec<Ended> {
        let ended = self.start(workers, rounds).join_all().await.into_iter().flatten().collect();
        self.assert_all_over(&ended).await;
        ended
    }

    /// Starts the workers. They stop on request, or after this many rounds.
    pub(crate) fn start(&self, workers: usize, rounds: usize) -> JoinSet<Vec<Ended>> {
        let mut tasks = JoinSet::new();
        for worker in 0..workers {
            let load = self.clone();
            tasks.spawn(async move {
                let mut ended = Vec::new();
                for number in 0..rounds {
                    if load.tally.stop.load(Ordering::SeqCst) {
                        break;
                    }
                    ended.extend(load.round(&format!("user{worker}-{number}@example.com")).await);
                    load.tally.rounds.fetch_add(1, Ordering::SeqCst);
                }
                ended
            });
        }
        tasks
    }

    pub(crate) fn stop(&self) {
        self.tally.stop.store(true, Ordering::SeqCst);
    }

    /// Waits until this many more rounds are complete.
    pub(crate) async fn more_rounds(&self, count: usize) {
        grown(&self.tally.rounds, count).await;
    }

    /// Waits until this many more requests get a 503.
    pub(crate) async fn more_failures(&self, count: usize) {
        grown(&self.tally.failures, count).await;
    }

    /// Asserts that the sessions of all rounds have ended, and that each address has one user.
    pub(crate) async fn assert_all_over(&self, ended: &Vec<Ended>) {
        for ended in ended {
            self.assert_over(ended).await;
            assert_eq!(self.pair.first.count_users(&ended.email).await, 1, "{}", ended.email);
        }
    }

    /// Repeats a request as long as the store is unavailable, as a client would. Returns any other
    /// answer.
    async fn persist(&self, client: &Client<Pair>, request: Request<'_>) -> Answer {
        for _ in 0..PATIENCE {
            let answer = request.send(client.clone()).await;
            if answer.status != StatusCode::SERVICE_UNAVAILABLE {
                return answer;
            }
            answer.problem(503, "store_unavailable");
            self.tally.failures.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the store did not come back");
    }

    /// Sends a request to both processes concurrently.
    async fn twice(&self, client: &Client<Pair>, request: Request<'_>) -> (Answer, Answer) {
        tokio::join!(self.persist(client, request), self.persist(client, request))
    }

    /// Signs in with a new address, refreshes and signs out, each at both processes concurrently.
    /// `None` if the store failed after doing something that cannot be repeated, and before
    /// reporting it.
    async fn round(&self, email: &str) -> Option<Ended> {
        let failures_before = self.failures();
        let mut client = self.pair.client();

        let asked = self.persist(&client, Request::Code { email }).await;
        if asked.status != StatusCode::OK {
            // A request that succeeded without an answer has started the cooldown.
            asked.problem(429, "resend_too_soon");
            assert!(self.failures() > failures_before, "nothing has failed");
            return None;
        }
        client.remember(&asked);
        let code = self.pair.sent_code(email).await;

        let (one, other) = self.twice(&client, Request::SignIn { email, code: &code }).await;
        let (signed_in, refused) = if one.status == StatusCode::OK { (one, other) } else { (other, one) };
        let spent = |answer: &Answer| ["invalid_code", "too_many_attempts"].contains(&answer.code().as_str());
        assert!(spent(&refused), "{refused:?}");
        if signed_in.status != StatusCode::OK {
            assert!(spent(&signed_in) && self.failures() > failures_before, "{signed_in:?}");
            return None;
        }
        client.remember(&signed_in);

        for _ in 0..2 {
            let (one, other) = self.twice(&client, Request::Refresh).await;
            assert_eq!(one.ok().member("refresh_token"), other.member("refresh_token"));
            client.remember(&other);
        }
        let me = self.persist(&client, Request::Me).await;
        assert_eq!(me.ok().member("email"), email);

        let (refreshed, (one, other)) =
            tokio::join!(self.persist(&client, Request::Refresh), self.twice(&client, Request::SignOut));
        one.ok();
        other.ok();
        if refreshed.status == StatusCode::OK {
            // It came first, so its tokens are revoked as well.
            client.remember(&refreshed);
        } else {
            refreshed.problem(401, "session_revoked");
        }
        let ended = Ended { email: email.to_owned(), code, client };
        self.assert_over(&ended).await;
        Some(ended)
    }

    /// Asserts that nothing used or revoked works again.
    async fn assert_over(&self, ended: &Ended) {
        let Ended { email, code, client } = ended;
        let (one, other) = self.twice(client, Request::SignIn { email, code }).await;
        for answer in [one, other] {
            assert!(["invalid_code", "too_many_attempts"].contains(&answer.code().as_str()), "{email}: {answer:?}");
        }
        let (one, other) = self.twice(client, Request::Me).await;
        for answer in [one, other] {
            answer.problem(401, "invalid_token");
        }
        let (one, other) = self.twice(client, Request::Refresh).await;
        for answer in [one, other] {
            answer.problem(401, "session_revoked");
        }
    }

    fn failures(&self) -> usize {
        self.tally.failures.load(Ordering::SeqCst)
    }
}

/// Waits at most a minute until a count has grown by this much.
async fn grown(counter: &AtomicUsize, by: usize) {
    let goal = counter.load(Ordering::SeqCst) + by;
    for _ in 0..1_200 {
        if counter.load(Ordering::SeqCst) >= goal {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nothing moves");
}
