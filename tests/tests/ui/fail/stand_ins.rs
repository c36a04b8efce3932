//! One mistake is one error: the rest of an application type-checks against a stand-in.
use axum::Router;
use axum::routing::get;
use otp_auth::{Claims, ConsoleSender, CurrentUser, OtpAuth, OtpUser, SqliteStore, VerifiedUser, otp_config};

/// An application with this configuration, whose handlers use everything.
macro_rules! application {
    ($name:ident, $config:ty, $make:expr) => {
        fn $name(store: SqliteStore) -> Router {
            async fn me(user: CurrentUser<$config>) -> String {
                user.email.clone()
            }
            async fn verified(user: VerifiedUser<$config>) -> String {
                user.into_inner().email
            }
            async fn claims(claims: Claims<$config>) -> String {
                claims.name.clone()
            }
            async fn maybe(user: Option<CurrentUser<$config>>) -> String {
                format!("{}", user.is_some())
            }
            let auth = OtpAuth::<$config>::new($make, store).unwrap();
            Router::new()
                .route("/me", get(me))
                .route("/verified", get(verified))
                .route("/claims", get(claims))
                .route("/maybe", get(maybe))
                .nest("/auth", auth.router())
                .with_state(auth)
        }
    };
}

#[derive(Clone, OtpUser)]
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
}

#[otp_config(secret_key = env("S"))]
struct NoUser {
    #[otp(sender)]
    sender: ConsoleSender,
}
application!(no_user, NoUser, NoUser { sender: ConsoleSender });

#[otp_config(user = , secret_key = env("S"))]
struct HalfTyped;
application!(half_typed, HalfTyped, HalfTyped);

#[otp_config(user = User, secret_key = env("S"))]
enum Enum {
    A,
}
application!(an_enum, Enum, Enum::A);

struct Target;
#[otp_config(user = User, secret_key = env("S"))]
impl Target {}
application!(an_impl, Target, Target);

#[otp_config(user = User, secret_key = env("S"))]
struct Unbounded<S> {
    #[otp(sender)]
    sender: S,
}
application!(unbounded, Unbounded<ConsoleSender>, Unbounded { sender: ConsoleSender });

#[otp_config(user = User, secret_key = env("S"))]
struct Lent<'a> {
    #[otp(sender)]
    sender: ConsoleSender,
    name: &'a str,
}
application!(lent, Lent<'static>, Lent { sender: ConsoleSender, name: "" });

#[otp_config(user = User, secret_key = env("S"))]
struct OneThread {
    #[otp(sender)]
    sender: ConsoleSender,
    count: std::rc::Rc<u8>,
}
application!(one_thread, OneThread, OneThread { sender: ConsoleSender, count: std::rc::Rc::new(1) });

#[otp_config(user = User, secret_key = env("S"))]
struct Dynamic {
    #[otp(sender)]
    sender: Box<dyn otp_auth::SendOtp>,
}
application!(dynamic, Dynamic, Dynamic { sender: Box::new(ConsoleSender) });

#[derive(Clone, OtpUser)]
#[otp_user(table = "members", stores(sqlite))]
struct Member<I> {
    #[otp(id column = "no")]
    id: I,
    #[otp(mail)]
    email: String,
    #[otp(verified = "at")]
    is_verified: bool,
    #[otp(claim)]
    name: String,
}

#[otp_config(user = Member<i64>, secret_key = env("S"))]
struct OfMembers {
    #[otp(sender)]
    sender: ConsoleSender,
}
application!(of_members, OfMembers, OfMembers { sender: ConsoleSender });

fn main() {}
