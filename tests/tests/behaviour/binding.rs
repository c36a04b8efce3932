//! A session is bound to the verified address: a reused id or a changed address opens nothing.

use std::time::Duration;

use otp_auth_tests::config::BodyAuth;
use otp_auth_tests::{App, Backend, Client, Fault, Mode, Operation, Setup, tokens};

use crate::support::{ANN, BOB};

async fn every_app() -> Vec<App> {
    let mut apps = Vec::new();
    for mode in Mode::ALL {
        for backend in Backend::ALL {
            apps.push(Setup::new(mode).backend(backend).start().await);
        }
    }
    apps
}

async fn assert_out(client: &mut Client) {
    for path in ["/me", "/verified", "/maybe", "/maybe-verified"] {
        client.get(path).await.problem(401, "invalid_token");
    }
    client.refresh().await.problem(401, "invalid_refresh_token");
}

#[tokio::test]
async fn jwt_19_an_id_that_is_given_again_opens_nothing() {
    for app in every_app().await {
        let mut ann = app.client();
        ann.sign_in(ANN).await;
        let id = app.users().await[0].id;
        app.remove_user(id).await;
        assert_out(&mut ann.clone()).await;
        // The application creates the next user, with the same id.
        let bob = app.add_user(BOB, true).await;
        assert_eq!(bob.id, id);
        assert_out(&mut ann.clone()).await;
        let mut bobs = app.client();
        bobs.sign_in(BOB).await;
        assert_eq!(tokens::payload(&bobs.token())["sub"], id.to_string());
        bobs.get("/verified").await.ok();
        bobs.refresh().await.ok();
        assert_out(&mut ann).await;
    }
}

/// The same when a sign-up reuses the id.
#[tokio::test]
async fn jwt_19_the_next_user_who_signs_up_under_an_id_is_not_the_last_one() {
    for mode in Mode::ALL {
        let app = Setup::new(mode).backend(Backend::Sqlite).start().await;
        // A table that reuses the ids of deleted users.
        let table = "DROP TABLE users; CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL, \
                     is_verified BOOLEAN NOT NULL DEFAULT FALSE, username TEXT)";
        sqlx::raw_sql(table).execute(app.pool()).await.unwrap();
        let mut ann = app.client();
        ann.sign_in(ANN).await;
        app.remove_user(1).await;
        let mut bob = app.client();
        bob.sign_in(BOB).await;
        assert_eq!(tokens::payload(&bob.token())["sub"], "1");
        ann.get("/me").await.problem(401, "invalid_token");
        // Earlier sessions of the id have been revoked, including this one.
        ann.get("/claims").await.problem(401, "invalid_token");
        ann.refresh().await.problem(401, "session_revoked");
        for path in ["/me", "/verified", "/claims"] {
            bob.get(path).await.ok();
        }
    }
}

#[tokio::test]
async fn a_changed_address_ends_what_was_signed_in_before() {
    for app in every_app().await {
        let mut ann = app.client();
        ann.sign_in(ANN).await;
        let user = app.users().await.remove(0);
        app.change_address(&user, "new@example.com").await;
        assert_out(&mut ann.clone()).await;
        // This is not theft: with the verified address restored, the session works again.
        app.change_address(&user, ANN).await;
        ann.get("/me").await.ok();
        ann.refresh().await.ok();
    }
}

/// A backup from before the sign-up is restored: the database knows neither the user nor the
/// session, and reuses the id.
#[tokio::test]
async fn jwt_19_a_backup_that_is_put_back_opens_nothing() {
    for mode in Mode::ALL {
        let app = Setup::new(mode).backend(Backend::Sqlite).start().await;
        let mut ann = app.client();
        ann.sign_in(ANN).await;
        let back =
            "DELETE FROM users; DELETE FROM otp_sessions; DELETE FROM token_blacklist; DELETE FROM sqlite_sequence";
        sqlx::raw_sql(back).execute(app.pool()).await.unwrap();
        let mut bob = app.client();
        bob.sign_in(BOB).await;
        assert_eq!(tokens::payload(&bob.token())["sub"], tokens::payload(&ann.token())["sub"]);
        assert_out(&mut ann).await;
        bob.get("/me").await.ok();
    }
}

/// Another user's bar must not lead to tokens that nothing accepts.
#[tokio::test]
async fn jwt_19_who_is_given_the_id_of_somebody_barred_is_refused_as_such() {
    let typed = Setup::new(Mode::Body).backend(Backend::Sqlite).typed::<BodyAuth>().await;
    let app = typed.app.clone();
    let mut ann = app.client();
    ann.sign_in(ANN).await;
    typed.auth.bar_user(&1, Duration::from_secs(3_600)).await.unwrap();
    app.remove_user(1).await;
    sqlx::raw_sql("DELETE FROM sqlite_sequence").execute(app.pool()).await.unwrap();
    let mut bob = app.client();
    bob.request(BOB).await.ok();
    bob.verify_right(BOB).await.problem(403, "sign_in_refused");
    assert!(app.sessions(1).await.is_empty());
    app.pass(Duration::from_secs(3_600));
    bob.sign_in(BOB).await;
    bob.get("/me").await.ok();
}

#[tokio::test]
async fn sessions_of_an_earlier_address_are_not_listed() {
    let typed = Setup::new(Mode::Body).backend(Backend::Sqlite).typed::<BodyAuth>().await;
    let app = typed.app.clone();
    let mut ann = app.client();
    ann.sign_in(ANN).await;
    assert_eq!(typed.auth.sessions(&1).await.unwrap().len(), 1);
    let user = app.users().await.remove(0);
    app.change_address(&user, "new@example.com").await;
    assert!(typed.auth.sessions(&1).await.unwrap().is_empty());
    app.remove_user(1).await;
    assert!(typed.auth.sessions(&1).await.unwrap().is_empty());
}

/// Another spelling of the same address is not another address.
#[tokio::test]
async fn another_spelling_of_the_address_ends_nothing() {
    for app in every_app().await {
        let mut ann = app.client();
        ann.sign_in(ANN).await;
        let user = app.users().await.remove(0);
        for spelling in ["ANN@Example.COM", " ann@example.com ", "ann@example.com."] {
            app.change_address(&user, spelling).await;
            ann.get("/me").await.ok();
            ann.refresh().await.ok();
        }
    }
}

#[tokio::test]
async fn a_session_can_be_bound_to_the_new_address_on_purpose() {
    let typed = Setup::new(Mode::Body).backend(Backend::Sqlite).typed::<BodyAuth>().await;
    let app = typed.app.clone();
    let (mut ann, mut other) = (app.client(), app.client());
    ann.sign_in(ANN).await;
    app.pass(Duration::from_secs(61));
    other.sign_in(ANN).await;
    let user = app.users().await.remove(0);
    let claims = typed.auth.claims(&ann.token()).await.unwrap();

    let user = app.change_address(&user, "new@example.com").await;
    let signed_in = typed.auth.rebind_session(&claims, user.clone()).await.unwrap();
    // The refresh token of the current session stays valid. The access token that was used is bound
    // to the old address.
    ann.get("/me").await.problem(401, "invalid_token");
    assert_eq!(signed_in.tokens.refresh_token.expose(), ann.held_refresh_token());
    let fresh = signed_in.tokens.access_token.expose().to_owned();
    ann.get_with("/me", &fresh).await.ok();
    ann.refresh().await.ok();
    ann.get("/me").await.ok();
    // All others have been revoked.
    other.refresh().await.problem(401, "session_revoked");
    other.get("/claims").await.problem(401, "invalid_token");

    // It fails for another user's row, and for a session that has ended.
    let bob = app.add_user(BOB, true).await;
    let error = typed.auth.rebind_session(&claims, bob).await.unwrap_err();
    assert_eq!(error.to_string(), otp_auth::AuthError::InvalidToken.to_string());
    ann.logout().await.ok();
    assert!(typed.auth.rebind_session(&claims, user).await.is_err());
}

#[tokio::test]
async fn a_session_that_has_ended_ends_no_other() {
    for ends in [Duration::ZERO, Duration::from_hours(7 * 24)] {
        let typed = Setup::new(Mode::Body).typed::<BodyAuth>().await;
        let app = typed.app.clone();
        let (mut ann, mut other) = (app.client(), app.client());
        ann.sign_in(ANN).await;
        let claims = typed.auth.claims(&ann.token()).await.unwrap();
        app.pass(Duration::from_secs(61));
        other.sign_in(ANN).await;
        if ends.is_zero() {
            ann.logout().await.ok();
        } else {
            app.pass(ends - Duration::from_secs(61));
        }
        let user = app.users().await.remove(0);
        let error = typed.auth.rebind_session(&claims, user).await.unwrap_err();
        assert!(matches!(error, otp_auth::AuthError::InvalidToken), "{error}");
        other.refresh().await.ok();
    }
}

/// A refresh that began earlier hands out no tokens for the old address.
#[tokio::test]
async fn a_session_can_be_bound_while_it_is_refreshed() {
    let typed = Setup::new(Mode::Body).backend(Backend::Sqlite).typed::<BodyAuth>().await;
    let app = typed.app.clone();
    let mut ann = app.client();
    ann.sign_in(ANN).await;
    let user = app.users().await.remove(0);
    let claims = typed.auth.claims(&ann.token()).await.unwrap();
    app.faults.set(Operation::Advance, Fault::Wait);
    let refresh = async { ann.refresh().await.ok() };
    let meanwhile = async {
        app.faults.called(Operation::Advance).await;
        let user = app.change_address(&user, "new@example.com").await;
        typed.auth.rebind_session(&claims, user).await.unwrap();
        app.faults.clear();
    };
    tokio::join!(refresh, meanwhile);
    ann.get("/me").await.ok();
}
