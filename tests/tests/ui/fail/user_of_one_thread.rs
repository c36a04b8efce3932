//! A user that threads cannot share is one error. It is alone in its crate, because the compiler
//! takes the impls of a type with an error for impls of all types.
use axum::Router;
use axum::routing::get;
use otp_auth::{Claims, ConsoleSender, CurrentUser, OtpAuth, OtpUser, SqliteStore, VerifiedUser, otp_config};

/// An application with this user and the configuration `Auth`, whose handlers use everything.
macro_rules! application {
    ($user:ident $(, $field:ident: $value:expr)?) => {
        use super::*;

        async fn me(user: CurrentUser<Auth>) -> String {
            let _: &$user = &user;
            user.into_inner().email
        }
        async fn verified(user: VerifiedUser<Auth>) -> String {
            user.email.clone()
        }
        async fn claims(claims: Claims<Auth>) -> String {
            format!("{} {}", claims.user_id(), claims.name)
        }
        pub fn app(store: SqliteStore) -> Router {
            let auth = OtpAuth::new(Auth { sender: ConsoleSender $(, $field: $value)? }, store).unwrap();
            let members = Router::new().route("/me", get(me)).route_layer(auth.require_user());
            Router::new()
                .merge(members)
                .route("/verified", get(verified))
                .route("/claims", get(claims))
                .nest("/auth", auth.router())
                .with_state(auth)
        }
    };
}

mod user_of_one_thread {
    application!(User);

    #[derive(OtpUser)]
    #[otp_user(table = "users", stores(sqlite))]
    struct User {
        #[otp(id)]
        id: i64,
        #[otp(email)]
        email: String,
        #[otp(verified)]
        is_verified: bool,
        #[otp(claim)]
        name: String,
        #[otp(skip)]
        cache: Option<std::rc::Rc<String>>,
    }

    #[otp_config(user = User, secret_key = env("S"))]
    struct Auth {
        #[otp(sender)]
        sender: ConsoleSender,
    }
}

fn main() {}
