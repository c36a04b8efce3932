//! How long the routes take does not show who has an account. No other test measures time.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may fail")]

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::http::header::CONTENT_TYPE;
use otp_auth::{MemoryStore, OtpAuth, OtpMessage, SendError, SendOtp, otp_config};
use otp_auth_tests::statistics::{median, welch_t, without_highest};
use otp_auth_tests::{Answer, User, secret};
use serde_json::{Value, json};
use tower::ServiceExt;

/// Requests for known addresses, and as many for unknown ones.
const SAMPLES: usize = 2_000;

/// The part of each sample that is left out, its slowest requests.
const OUTLIERS: f64 = 0.1;

/// Of this many repetitions, at most one may find a difference where there is none.
const REPETITIONS: usize = 3;

/// What must be found.
const DIFFERENCE: Duration = Duration::from_micros(500);

/// One test at a time measures.
static ALONE: Mutex<()> = Mutex::new(());

/// Works as long as one that signs its messages, then waits for its mail server.
struct Busy;

impl SendOtp for Busy {
    async fn send_otp(&self, _: OtpMessage<'_>) -> Result<(), SendError> {
        work(DIFFERENCE);
        tokio::time::sleep(Duration::from_millis(20)).await;
        Ok(())
    }
}

#[otp_config(user = User, secret_key = self.secret, refresh_token_delivery = "body", auto_create_user = false, request_limit = "unlimited", verify_limit = "unlimited")]
struct Auth {
    secret: Vec<u8>,
    #[otp(sender)]
    sender: Busy,
}

/// Keeps the processor busy.
fn work(span: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < span {
        std::hint::spin_loop();
    }
}

/// A number below `end`.
fn random(end: usize) -> usize {
    let random = RandomState::new().build_hasher().finish();
    usize::try_from(random % u64::try_from(end).unwrap()).unwrap()
}

fn address(is_known: bool, number: usize) -> String {
    format!("{}{number:04}@example.com", if is_known { "known" } else { "other" })
}

/// The answer, and how long it took in microseconds.
async fn timed(router: &Router, path: &str, body: Value, more_work: Duration) -> (Answer, f64) {
    let request = Request::post(path).header(CONTENT_TYPE, "application/json");
    let (router, request) = (router.clone(), request.body(Body::from(body.to_string())).unwrap());
    let begun = Instant::now();
    work(more_work);
    let response = router.oneshot(request).await.unwrap();
    let took = begun.elapsed().as_secs_f64() * 1e6;
    (Answer::read(response).await, took)
}

/// The times of requests for a code and, right after each, of wrong codes: of known addresses, and
/// of unknown ones.
async fn measure(more_for_known: Duration) -> [[Vec<f64>; 2]; 2] {
    let store = MemoryStore::new(User::first);
    for (id, number) in (1..).zip(0..SAMPLES) {
        store.insert_user(User { id, email: address(true, number), is_verified: true, username: None });
    }
    let auth = OtpAuth::new(Auth { secret: secret("timing").into(), sender: Busy }, store).unwrap();
    let router: Router = auth.router();

    let mut order: Vec<_> = [true, false].into_iter().flat_map(|known| (0..SAMPLES).map(move |n| (known, n))).collect();
    for last in (1..order.len()).rev() {
        order.swap(last, random(last + 1));
    }
    let mut requests = [Vec::new(), Vec::new()];
    let mut attempts = [Vec::new(), Vec::new()];
    for (is_known, number) in order {
        let (email, more) = (address(is_known, number), if is_known { more_for_known } else { Duration::ZERO });
        let (answer, took) = timed(&router, "/request-otp", json!({ "email": email }), more).await;
        requests[usize::from(is_known)].push(took);
        let body = json!({ "email": email, "code": "12345", "challenge": answer.ok().member("challenge") });
        let (answer, took) = timed(&router, "/verify-otp", body, more).await;
        attempts[usize::from(is_known)].push(took);
        answer.problem(401, "invalid_code");
    }
    [requests, attempts]
}

/// Whether requests for known addresses take another time than those for unknown ones.
fn differs(what: &str, [unknown, known]: &[Vec<f64>; 2]) -> bool {
    let [trimmed_unknown, trimmed_known] = [unknown, known].map(|sample| without_highest(sample, OUTLIERS));
    let t = welch_t(&trimmed_known, &trimmed_unknown);
    let medians = [known, unknown].map(|sample| median(sample));
    println!("{what}: t = {t:.1}, medians {:.1} µs and {:.1} µs", medians[0], medians[1]);
    t.abs() > 4.5
}

/// For requests and for attempts, how many of the repetitions find a difference.
fn found(repetitions: usize, more_for_known: Duration) -> [usize; 2] {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut found = [0; 2];
    for _ in 0..repetitions {
        let series = runtime.block_on(measure(more_for_known));
        for ((found, series), what) in found.iter_mut().zip(&series).zip(["request-otp", "verify-otp"]) {
            *found += usize::from(differs(what, series));
        }
    }
    found
}

/// On one thread, where whatever runs in the background delays everything else.
#[test]
fn enum_04_t18_the_time_of_an_answer_does_not_show_who_has_an_account() {
    let found = found(REPETITIONS, Duration::ZERO);
    assert!(found.iter().all(|found| *found <= 1), "{found:?}");
}

#[test]
fn a_difference_of_half_a_millisecond_would_be_found() {
    assert_eq!(found(1, DIFFERENCE), [1; 2]);
}
