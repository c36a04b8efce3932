//! One mistake is one error, also if only the compiler can find it: what depends on it is not
//! reported again.
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

mod no_derive {
    application!(User);

    struct User {
        id: i64,
        email: String,
        name: String,
    }

    #[otp_config(user = User, secret_key = env("S"))]
    struct Auth {
        #[otp(sender)]
        sender: ConsoleSender,
    }
}

mod configuration_of_one_thread {
    application!(Member, hook: Box::new(|_| true));

    #[otp_config(user = Member, secret_key = env("S"))]
    struct Auth {
        #[otp(sender)]
        sender: ConsoleSender,
        hook: Box<dyn Fn(&str) -> bool>,
    }
}

mod on_a_function {
    application!(Member);

    struct Auth {
        sender: ConsoleSender,
    }

    #[otp_config(user = Member, secret_key = env("S"))]
    fn config() -> Auth {
        Auth { sender: ConsoleSender }
    }
}

mod ids_and_claims {
    application!(User);

    #[derive(sqlx::Type)]
    #[sqlx(transparent)]
    struct UserNo(i64);

    struct Mine {
        name: String,
    }

    impl From<&User> for Mine {
        fn from(user: &User) -> Self {
            Self { name: user.email.clone() }
        }
    }

    #[derive(OtpUser)]
    #[otp_user(table = "users", stores(sqlite), claims = Mine)]
    struct User {
        #[otp(id)]
        id: UserNo,
        #[otp(email)]
        email: String,
        #[otp(verified)]
        is_verified: bool,
    }

    #[otp_config(user = User, secret_key = env("S"))]
    struct Auth {
        #[otp(sender)]
        sender: ConsoleSender,
    }
}

#[derive(OtpUser)]
#[otp_user(table = "members", stores(sqlite))]
struct Member {
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: String,
    #[otp(verified)]
    is_verified: bool,
    #[otp(claim)]
    name: String,
}

fn main() {}
