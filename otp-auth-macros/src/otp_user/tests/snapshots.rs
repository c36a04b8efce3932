//! Snapshots of expansions.

use super::{FEATURES, derive};
use crate::testing::{assert_snapshot, source};

#[test]
fn a_plain_user() {
    let text = r#"
        #[otp_user(table = "users", stores(sqlite))]
        struct User {
            #[otp(id)]
            id: i64,
            #[otp(email)]
            email: String,
            #[otp(verified)]
            is_verified: bool,
            /// The name that others see.
            #[otp(claim)]
            username: Option<String>,
        }
    "#;
    assert_snapshot("user_plain", &derive(source(text), FEATURES));
}

#[test]
fn a_user_over_an_existing_table() {
    let text = r#"
        #[otp_user(table = "app.member`s", stores(sqlite), crate = framework::otp)]
        pub(crate) struct Member {
            #[otp(id, generate = MemberId(Uuid::now_v7()), column = "MEMBER_ID")]
            id: MemberId,
            #[otp(email, column = "mail")]
            address: Address,
            #[otp(claim = "role", default = Role::Guest)]
            r#type: Role,
            #[otp(default = "en")]
            language: String,
            #[otp(json, default)]
            tags: Vec<String>,
            #[otp(skip)]
            cached: Option<Page>,
            nickname: Option<String>,
        }
    "#;
    assert_snapshot("user_existing_table", &derive(source(text), FEATURES));
}

#[test]
fn a_user_in_a_collection() {
    let text = r#"
        #[otp_user(collection = "members")]
        pub(crate) struct Member {
            #[otp(id)]
            id: ObjectId,
            #[otp(email, column = "mail")]
            address: Address,
            #[otp(verified)]
            confirmed: bool,
            #[otp(claim = "role", default = Role::Guest)]
            r#type: Role,
            #[otp(default = "en")]
            language: String,
            #[otp(json, default)]
            tags: Vec<String>,
            #[otp(skip)]
            cached: Option<Page>,
            nickname: Option<String>,
        }
    "#;
    assert_snapshot("user_collection", &derive(source(text), FEATURES));
}

#[test]
fn a_user_on_postgres_and_mysql() {
    let text = r#"
        #[otp_user(table = "app.the \"users`", stores(postgres, mysql))]
        struct User {
            #[otp(id, generate = Uuid::now_v7())]
            id: Uuid,
            #[otp(email)]
            email: String,
            #[otp(verified)]
            is_verified: bool,
            #[otp(json, default)]
            tags: Vec<String>,
        }
    "#;
    assert_snapshot("user_postgres_mysql", &derive(source(text), FEATURES));
}

#[test]
fn a_user_by_a_filter_who_is_verified_at_a_time() {
    let text = r#"
        #[otp_user(table = "users", stores(postgres, mysql), filter = "deleted_at IS NULL")]
        #[otp_user(collection = "users", filter(deleted = false, left = null, kind = "person"))]
        struct User {
            #[otp(id, generate = Uuid::now_v7())]
            id: Uuid,
            #[otp(email)]
            email: String,
            #[otp(verified)]
            email_verified_at: Option<DateTime<Utc>>,
        }
    "#;
    assert_snapshot("user_filtered", &derive(source(text), FEATURES));
}

#[test]
fn a_generic_user_with_claims_of_its_own() {
    let text = "
        #[otp_user(claims = Own)]
        pub struct User<T, const N: usize> where T: Send + Sync + 'static {
            #[otp(id)]
            id: i64,
            #[otp(email)]
            email: String,
            rest: [T; N],
        }
    ";
    assert_snapshot("user_generic", &derive(source(text), FEATURES));
}

#[test]
fn a_user_with_mistakes() {
    let text = r#"
        #[otp_user(table = "users", stores(sqlite), colour = "red")]
        struct User {
            #[otp(id)]
            id: i64,
            email: String,
            #[otp(claim, colum = "n")]
            name: String,
        }
    "#;
    assert_snapshot("user_with_mistakes", &derive(source(text), FEATURES));
}
