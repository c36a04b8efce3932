//! Changing the master secret (KEY-06).

use std::time::Duration;

use otp_auth::config::SecretSource;
use otp_auth_tests::{App, Mode, OTHER_SECRET, SECRET, Setup, tokens};

use crate::support::{ANN, BOB};

/// The same application after its secret was replaced, with or without the old one as a previous
/// secret.
async fn rotated(app: &App, keep: bool) -> App {
    Setup::new(app.mode)
        .after(app)
        .secret(&OTHER_SECRET)
        .tune(
            move |settings| {
                if keep { settings.previous_secret_key(SecretSource::value(SECRET.as_str())) } else { settings }
            },
        )
        .start()
        .await
}

#[tokio::test]
async fn key_06_tokens_and_a_code_on_its_way_survive_a_rotation() {
    for mode in Mode::ALL {
        let old = Setup::new(mode).start().await;
        let mut signed_in = old.client();
        signed_in.sign_in(ANN).await;
        let mut waiting = old.client();
        waiting.request(BOB).await.ok();

        let new = rotated(&old, true).await;
        let mut signed_in = signed_in.at(&new);
        for path in ["/me", "/verified", "/claims"] {
            signed_in.get(path).await.ok();
        }
        let old_key = tokens::header(&signed_in.token())["kid"].clone();
        signed_in.refresh().await.ok();
        for token in [signed_in.token(), signed_in.held_refresh_token()] {
            assert_ne!(tokens::header(&token)["kid"], old_key);
        }
        signed_in.get("/me").await.ok();
        signed_in.refresh().await.ok();
        let mut waiting = waiting.at(&new);
        waiting.clone().verify_wrong(BOB).await.problem(401, "invalid_code");
        waiting.verify_right(BOB).await.ok();
        assert_eq!(new.users().await.len(), 2);
        // The old application does not accept what the new secret signs.
        signed_in.at(&old).get("/me").await.problem(401, "invalid_token");
        signed_in.logout().await.ok();
        signed_in.get("/me").await.problem(401, "invalid_token");
    }
}

#[tokio::test]
async fn key_06_without_the_previous_secret_nothing_of_before_is_accepted() {
    for mode in Mode::ALL {
        let old = Setup::new(mode).start().await;
        let mut signed_in = old.client();
        signed_in.sign_in(ANN).await;
        let mut waiting = old.client();
        waiting.request(BOB).await.ok();
        let new = rotated(&old, false).await;
        let mut signed_in = signed_in.at(&new);
        for path in ["/me", "/verified", "/claims", "/maybe"] {
            signed_in.get(path).await.problem(401, "invalid_token");
        }
        signed_in.refresh().await.problem(401, "invalid_refresh_token");
        waiting.at(&new).verify_right(BOB).await.problem(401, "invalid_code");
    }
}

#[tokio::test]
async fn a_resend_after_a_rotation_opens_a_challenge_that_works() {
    let old = Setup::new(Mode::Cookie).start().await;
    let mut client = old.client();
    client.request(ANN).await.ok();
    let new = rotated(&old, true).await;
    old.pass(Duration::from_secs(60));
    let mut client = client.at(&new);
    client.request(ANN).await.ok();
    client.verify_right(ANN).await.ok();
}

#[tokio::test]
async fn t7_a_device_stays_known_over_a_rotation() {
    let old = Setup::new(Mode::Cookie).start().await;
    let mut owner = old.client();
    owner.sign_in(ANN).await;
    let new = rotated(&old, true).await;
    // A stranger starts the strangers' cooldown.
    new.client().request(ANN).await.ok();
    new.client().request(ANN).await.problem(429, "resend_too_soon");
    owner.at(&new).request(ANN).await.ok();
}

#[tokio::test]
async fn t7_a_device_stays_known_to_its_other_addresses_when_it_signs_in_after_a_rotation() {
    for mode in Mode::ALL {
        let old = Setup::new(mode).start().await;
        let mut owner = old.client();
        owner.sign_in(ANN).await;
        owner.sign_in(BOB).await;
        let new = rotated(&old, true).await;
        let mut owner = owner.at(&new);
        owner.sign_in(ANN).await;
        for email in [ANN, BOB] {
            new.client().request(email).await.ok();
            new.pass(Duration::from_secs(30));
            new.client().request(email).await.problem(429, "resend_too_soon");
            new.pass(Duration::from_secs(30));
            new.client().request(email).await.ok();
            owner.request(email).await.ok();
        }
        // With the old secret, none of it is known.
        let mut owner = owner.at(&old);
        old.client().request(ANN).await.ok();
        owner.request(ANN).await.problem(429, "resend_too_soon");
    }
}

/// A lowered lifetime applies immediately: a token revoked under the old one cannot come back when
/// the blacklist forgets it.
#[tokio::test]
async fn out_08_a_token_from_before_the_lifetime_was_lowered_is_refused() {
    for mode in Mode::ALL {
        let old =
            Setup::new(mode).tune(|settings| settings.access_token_lifetime(Duration::from_hours(24))).start().await;
        let mut client = old.client();
        client.sign_in(ANN).await;
        let new = Setup::new(mode)
            .after(&old)
            .tune(|settings| settings.access_token_lifetime(Duration::from_mins(15)))
            .start()
            .await;
        let mut client = client.at(&new);
        client.get("/me").await.problem(401, "invalid_token");
        client.refresh().await.ok();
        client.get("/me").await.ok();
    }
}
