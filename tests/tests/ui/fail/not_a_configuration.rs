//! A type that is not a configuration: one error where a function names it, and one at each use.
use axum::routing::get;
use axum::{Json, Router};
use otp_auth::{ConsoleSender, CurrentUser, OtpAuth, OtpUser, SqliteStore, otp_config};

#[derive(Clone, serde::Serialize, OtpUser)]
#[otp_user(table = "users", stores(sqlite))]
struct User {
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: String,
}

#[otp_config(user = User, secret_key = env("S"))]
struct Auth {
    #[otp(sender)]
    sender: ConsoleSender,
}

mod the_user {
    use super::*;

    async fn me(user: CurrentUser<User>) -> Json<User> {
        Json(user.into_inner())
    }

    pub fn app(store: SqliteStore) -> Router {
        let auth = OtpAuth::new(Auth { sender: ConsoleSender }, store).unwrap();
        Router::new().route("/me", get(me)).nest("/auth", auth.router()).with_state(auth)
    }
}

mod in_the_wrong_order {
    use super::*;

    async fn me(user: CurrentUser<Auth>) -> Json<User> {
        Json(user.into_inner())
    }

    pub fn app(store: SqliteStore) -> Router {
        let auth = OtpAuth::new(store, Auth { sender: ConsoleSender }).unwrap();
        Router::new().route("/me", get(me)).nest("/auth", auth.router()).with_state(auth)
    }
}

mod without_the_attribute {
    use super::*;

    struct Settings {
        sender: ConsoleSender,
    }

    async fn me(user: CurrentUser<Settings>) -> Json<User> {
        Json(user.into_inner())
    }

    pub fn app(store: SqliteStore) -> Router {
        let auth = OtpAuth::new(Settings { sender: ConsoleSender }, store).unwrap();
        Router::new().route("/me", get(me)).nest("/auth", auth.router()).with_state(auth)
    }
}

fn main() {}
