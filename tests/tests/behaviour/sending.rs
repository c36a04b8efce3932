//! The outcomes of a send: counted, refunded, awaited, lost.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use otp_auth::store::Timestamp;
use otp_auth_tests::config::BodyAuth;
use otp_auth_tests::{App, Fault, Mode, Operation, Setup, Typed, logs};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use crate::support::{ANN, BOB, COOLDOWN, every_mode, every_mode_with, settle};

/// Longer than any send takes.
const LONG: Duration = Duration::from_secs(30);

async fn background() -> Typed<BodyAuth> {
    let typed = Setup::new(Mode::Body).tune(|settings| settings.auto_create_user(false)).typed::<BodyAuth>().await;
    typed.app.add_user(ANN, true).await;
    typed
}

/// The e-mail may have been sent each time, so the hourly limit counts it, whatever the sender
/// reports in the end.
#[tokio::test(start_paused = true)]
async fn rate_08_http_13_a_send_of_unknown_outcome_costs_no_cooldown_and_stays_in_the_hour() {
    let break_it: [fn(&App); 2] = [|app| app.sender.hang(), |app| app.sender.panic()];
    for broken in break_it {
        for (app, mut client) in every_mode().await {
            broken(&app);
            for _ in 0..5 {
                client.request(ANN).await.problem(503, "delivery_failed");
            }
            app.sender.take();
            let answer = client.request(ANN).await.problem(429, "resend_too_soon");
            assert_eq!(answer.number("retry_after"), 3_600);
            app.pass(Duration::from_secs(3_600));
            client.request(ANN).await.ok();
        }
    }
}

/// A relay that accepts every e-mail and answers too late.
#[tokio::test(start_paused = true)]
async fn rate_08_a_relay_that_answers_late_sends_no_more_than_its_limit() {
    let app = Setup::new(Mode::Body).start().await;
    app.sender.wait(Duration::from_secs(20));
    let mut failed = 0;
    for _ in 0..100 {
        if app.client().request(ANN).await.code() == "delivery_failed" {
            failed += 1;
        }
    }
    assert_eq!(failed, 5);
}

/// The same, and the sender gives up before the timeout.
#[tokio::test]
async fn rate_08_a_sender_that_does_not_know_sends_no_more_than_its_limit() {
    for (app, mut client) in every_mode().await {
        app.sender.lose();
        for _ in 0..5 {
            client.request(ANN).await.problem(503, "delivery_failed");
        }
        client.request(ANN).await.problem(429, "resend_too_soon");
        assert_eq!(app.mails(), 5);
    }
}

#[tokio::test]
async fn log_06_an_address_that_is_refused_for_good_is_a_422_and_stays_in_the_hour() {
    logs::capture();
    for (app, mut client) in every_mode().await {
        let email = format!("nobody.{:?}@refused.example.com", app.mode);
        app.sender.refuse();
        for _ in 0..5 {
            let answer = client.request(&email).await.problem(422, "address_refused");
            assert!(!answer.text().contains("ry again"), "{answer:?}");
            assert!(answer.cookies().is_empty());
        }
        client.request(&email).await.problem(429, "resend_too_soon");
    }
    let lines = logs::captured();
    let of_us: Vec<_> = lines.lines().filter(|line| line.contains("authn_address_refused")).collect();
    assert!(of_us.len() >= 20, "{}", of_us.len());
    for line in of_us {
        assert!(line.contains("550 5.1.1 <[redacted]>: user unknown, code [redacted]"), "{line}");
    }
    assert!(!lines.contains("@refused.example.com"));
}

#[tokio::test(start_paused = true)]
async fn enum_03_in_the_background_a_refusal_for_good_does_not_show() {
    for (app, client) in every_mode_with(|settings| settings.auto_create_user(false)).await {
        app.add_user(ANN, true).await;
        app.sender.refuse();
        for email in [ANN, BOB] {
            client.clone().request(email).await.ok();
        }
        settle().await;
        for email in [ANN, BOB] {
            client.clone().request(email).await.problem(429, "resend_too_soon");
        }
    }
}

/// The send is counted, then the store never answers or fails: no e-mail, so no cooldown.
#[tokio::test(start_paused = true)]
async fn http_13_a_payment_whose_answer_is_lost_is_given_back() {
    for fault in [Fault::Unanswered, Fault::Lost] {
        for (app, mut client) in every_mode().await {
            app.faults.set(Operation::OpenChallenge, fault);
            for _ in 0..20 {
                client.request(ANN).await.problem(503, "store_unavailable");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            app.faults.clear();
            for _ in 0..5 {
                client.request(ANN).await.ok();
                client.request(ANN).await.problem(429, "resend_too_soon");
                app.pass(Duration::from_secs(60));
            }
        }
    }
}

/// The store still fails at the first refund.
#[tokio::test(start_paused = true)]
async fn http_13_a_payment_is_given_back_when_the_store_works_again() {
    let app = Setup::new(Mode::Body).start().await;
    app.faults.set(Operation::OpenChallenge, Fault::Unanswered);
    app.faults.set(Operation::RefundSend, Fault::Fail);
    app.client().request(ANN).await.problem(503, "store_unavailable");
    tokio::time::sleep(Duration::from_millis(1)).await;
    app.faults.clear();
    app.client().request(ANN).await.problem(429, "resend_too_soon");
    app.pass(Duration::from_secs(5));
    tokio::time::sleep(Duration::from_secs(5)).await;
    app.client().request(ANN).await.ok();
    // It is refunded only once.
    app.faults.take_calls();
    app.client().request(ANN).await.problem(429, "resend_too_soon");
    app.pass(Duration::from_secs(20));
    tokio::time::sleep(Duration::from_secs(1_000)).await;
    app.client().request(ANN).await.problem(429, "resend_too_soon");
    let refunds = app.faults.take_calls().iter().filter(|call| **call == Operation::RefundSend).count();
    assert_eq!(refunds, 1);
}

/// Two requests in the same millisecond, of which the store counts only one. What is given back for
/// the other one is not that.
#[tokio::test(start_paused = true)]
async fn http_13_a_payment_of_the_same_millisecond_is_not_given_back() {
    for (app, mut client) in every_mode().await {
        app.faults.set(Operation::OpenChallenge, Fault::Fail);
        client.request(ANN).await.problem(503, "store_unavailable");
        app.faults.clear();
        client.request(ANN).await.ok();
        app.pass(Duration::from_secs(1));
        tokio::time::sleep(Duration::from_secs(1_000)).await;
        client.request(ANN).await.problem(429, "resend_too_soon");
    }
}

/// The sender fails, and then the store fails at the refund.
#[tokio::test(start_paused = true)]
async fn http_13_a_refund_that_fails_is_tried_again() {
    for (app, mut client) in every_mode().await {
        app.sender.fail();
        app.faults.set(Operation::RefundSend, Fault::Fail);
        client.request(ANN).await.problem(503, "delivery_failed");
        app.faults.clear();
        app.sender.take();
        client.request(ANN).await.problem(429, "resend_too_soon");
        app.pass(Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(5_001)).await;
        client.request(ANN).await.ok();
    }
}

/// The store is slow, and the client hangs up: the counted code is still sent.
#[tokio::test]
async fn http_13_a_client_that_hangs_up_while_it_pays_gets_its_mail() {
    for (app, client) in every_mode().await {
        app.faults.take_calls();
        app.faults.set(Operation::OpenChallenge, Fault::Wait);
        let mut gone = client.clone();
        let request = tokio::spawn(async move { gone.request(ANN).await });
        app.faults.called(Operation::OpenChallenge).await;
        request.abort();
        assert!(request.await.unwrap_err().is_cancelled());
        app.faults.clear();
        while app.mails() == 0 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn http_13_every_payment_of_a_pause_is_given_back() {
    let app = Setup::new(Mode::Body).start().await;
    app.faults.set(Operation::OpenChallenge, Fault::Unanswered);
    let address = |number: usize| format!("user{number}@example.com");
    let mut requests = tokio::task::JoinSet::new();
    for number in 0..400 {
        let mut client = app.client();
        requests.spawn(async move { client.request(&address(number)).await.problem(503, "store_unavailable") });
    }
    requests.join_all().await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    app.faults.clear();
    for number in 0..400 {
        app.client().request(&address(number)).await.ok();
    }
}

/// The store's failure is noticed after the service has shut down: the send is not refunded, and
/// the log says so.
#[tokio::test(start_paused = true)]
async fn a_payment_that_is_no_longer_refunded_is_logged() {
    logs::capture();
    let Typed { auth, app } = background().await;
    app.faults.set(Operation::OpenChallenge, Fault::Unanswered);
    app.faults.take_calls();
    let mut client = app.client();
    let address = "198.51.100.80";
    client.address = Some(std::net::SocketAddr::new(address.parse().unwrap(), 40_000));
    let ending = async {
        app.faults.called(Operation::OpenChallenge).await;
        assert_eq!(auth.shutdown(Duration::from_secs(1)).await, 1);
    };
    let (answer, ()) = tokio::join!(client.request(ANN), ending);
    answer.problem(503, "store_unavailable");
    assert!(logs::of_client(address).iter().any(|line| line.contains("sys_refund_lost")));
}

/// Pending refunds are retried once, and delay nothing.
#[tokio::test(start_paused = true)]
async fn a_shutdown_gives_back_what_is_left_at_once() {
    let Typed { auth, app } = background().await;
    app.faults.set(Operation::OpenChallenge, Fault::Fail);
    app.client().request(ANN).await.problem(503, "store_unavailable");
    tokio::time::sleep(Duration::from_millis(1)).await;
    app.faults.take_calls();
    app.pass(Duration::from_secs(1));
    let begun = tokio::time::Instant::now();
    assert_eq!(auth.shutdown(LONG).await, 0);
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert_eq!(app.faults.take_calls(), [Operation::RefundSend]);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_a_mail_in_the_background() {
    let Typed { auth, app } = background().await;
    app.sender.wait(Duration::from_secs(2));
    app.client().request(ANN).await.ok();
    assert_eq!(app.mails(), 0);
    let begun = tokio::time::Instant::now();
    assert_eq!(auth.shutdown(LONG).await, 0);
    assert_eq!((app.mails(), begun.elapsed()), (1, Duration::from_secs(2)));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_a_mail_whose_client_has_hung_up() {
    let Typed { auth, app } = Setup::new(Mode::Body).typed::<BodyAuth>().await;
    app.sender.wait(Duration::from_secs(2));
    let mut impatient = app.client();
    let request = tokio::spawn(async move { impatient.request(ANN).await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    request.abort();
    assert_eq!(auth.shutdown(LONG).await, 0);
    assert_eq!(app.mails(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_at_its_time_and_says_what_is_lost() {
    let (_guard, lines) = logs::on_this_thread();
    let logged = |count| lines.text().lines().any(|line| line.contains("sys_sends_lost") && line.ends_with(count));
    let Typed { auth, app } = background().await;
    let mut known = app.client();
    known.request(ANN).await.ok();
    settle().await;
    known.verify_right(ANN).await.ok();
    app.pass(COOLDOWN);
    app.sender.hang();
    app.client().request(ANN).await.ok();
    known.request(ANN).await.ok();
    let begun = tokio::time::Instant::now();
    assert_eq!(auth.shutdown(Duration::from_secs(3)).await, 2);
    assert_eq!(begun.elapsed(), Duration::from_secs(3));
    assert!(logged("count=2"));
    // It may be called again: the sender has been aborted by then.
    assert_eq!(auth.shutdown(LONG).await, 0);
    assert!(!logged("count=0"));
}

#[tokio::test(start_paused = true)]
async fn after_a_shutdown_no_code_is_sent_and_nothing_is_paid() {
    for create in [true, false] {
        let setup = Setup::new(Mode::Body).tune(move |settings| settings.auto_create_user(create));
        let Typed { auth, app } = setup.typed::<BodyAuth>().await;
        app.add_user(ANN, true).await;
        assert_eq!(auth.shutdown(Duration::ZERO).await, 0);
        app.faults.take_calls();
        for email in [ANN, BOB] {
            app.client().request(email).await.problem(503, "delivery_failed");
        }
        assert_eq!(app.faults.take_calls(), []);
        assert_eq!(app.mails(), 0);
    }
}

/// The same limit when the client waits. It costs no one a send.
#[tokio::test(start_paused = true)]
async fn at_most_512_sends_are_on_their_way() {
    let app = Setup::new(Mode::Body).start().await;
    app.sender.hang();
    let mut waiting = Vec::new();
    for number in 0..512 {
        let mut client = app.client();
        let email = format!("user{number}@example.com");
        waiting.push(tokio::spawn(async move { client.request(&email).await }));
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    app.faults.take_calls();
    let mut late = app.client();
    let (answer, log) = logs::of(late.request(ANN)).await;
    answer.problem(503, "delivery_failed");
    assert_eq!(log.matches("event=\"sys_too_many_sends\"").count(), 1, "{log}");
    assert_eq!(app.faults.take_calls(), []);
    for request in waiting {
        request.await.unwrap().problem(503, "delivery_failed");
    }
    app.sender.take();
    app.client().request(ANN).await.ok();
}

/// Records the span of every event of the sender and of its sends.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<Seen>>>);

/// The name of an event, and the name of its span.
type Seen = (String, Option<String>);

impl<S: tracing::Subscriber + for<'a> LookupSpan<'a>> tracing_subscriber::Layer<S> for Spans {
    fn on_event(&self, event: &tracing::Event<'_>, context: Context<'_, S>) {
        let mut name = String::new();
        event.record(&mut |field: &tracing::field::Field, value: &dyn std::fmt::Debug| {
            if field.name() == "event" {
                name = format!("{value:?}");
            }
        });
        let span = context.event_span(event).map(|span| span.name().to_owned());
        self.0.lock().unwrap().push((name, span));
    }
}

#[tokio::test]
async fn what_a_sender_logs_is_in_the_span_of_the_request() {
    use tracing::Instrument;
    for create in [true, false] {
        let spans = Spans::default();
        let subscriber = tracing_subscriber::registry().with(spans.clone());
        let _guard = tracing::subscriber::set_default(subscriber);
        let setup = Setup::new(Mode::Body).tune(move |settings| settings.auto_create_user(create));
        let Typed { auth, app } = setup.typed::<BodyAuth>().await;
        app.add_user(ANN, true).await;
        let request = tracing::info_span!("request", id = 7);
        app.client().request(ANN).instrument(request).await.ok();
        auth.shutdown(LONG).await;
        let seen = spans.0.lock().unwrap().clone();
        for event in ["captured", "authn_code_sent"] {
            let wanted = (format!("{event:?}"), Some("request".to_owned()));
            assert!(seen.contains(&wanted), "{event} of {seen:?}");
        }
    }
}

/// A client that was rejected waits exactly that long.
#[tokio::test(start_paused = true)]
async fn http_04_after_an_unknown_outcome_retry_after_is_exact() {
    let app = Setup::new(Mode::Body).start().await;
    let begun: Timestamp = app.clock.now();
    app.sender.hang();
    for _ in 0..5 {
        app.client().request(ANN).await.problem(503, "delivery_failed");
    }
    app.sender.take();
    let answer = app.client().request(ANN).await.problem(429, "resend_too_soon");
    app.pass(Duration::from_secs(answer.number("retry_after")));
    app.client().request(ANN).await.ok();
    assert!(app.clock.now() > begun);
}
