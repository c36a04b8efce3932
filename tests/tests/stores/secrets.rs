//! A copy of the database: what our tables hold on each server, and what they must never hold.
//! `SQLite` is in `behaviour/codes.rs`.

use std::marker::PhantomData;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use otp_auth::store::Store;
use otp_auth::testing::conformance::Backend;
use otp_auth::testing::{CapturingSender, TestClock};
use otp_auth::{
    OtpAuth, OtpUser,
    auth::{CodeRequest, Verification},
    otp_config,
};

/// No time and no digest contains ten given digits by chance.
#[otp_config(user = U, secret_key = otp_auth_tests::secret(std::any::type_name::<U>()), otp_length = 10)]
struct Auth<U: OtpUser + Clone> {
    #[otp(sender)]
    sender: CapturingSender,
    user: PhantomData<fn() -> U>,
}

const ANN: &str = "ann@x.com";

/// A text, its bytes in hex, and the bytes that it encodes.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let hex = |upper: bool| {
        let digits = |byte: u8| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") };
        secret.bytes().map(digits).collect::<String>().into_bytes()
    };
    let mut forms = vec![secret.as_bytes().to_vec(), hex(false), hex(true)];
    forms
        .extend(secret.split('.').filter_map(|part| URL_SAFE_NO_PAD.decode(part).ok()).filter(|part| part.len() >= 16));
    forms
}

/// A whole round, with codes that are pending, used and exhausted. `dump` returns every value of
/// our tables.
async fn our_tables_hold_no_secret<U, S>(store: S, dump: impl AsyncFn() -> Vec<Vec<u8>>)
where
    U: OtpUser + Clone,
    S: Store<U>,
{
    let (sender, clock) = (CapturingSender::new(), TestClock::default());
    let auth =
        OtpAuth::with_clock(Auth::<U> { sender: sender.clone(), user: PhantomData }, store, clock.clock()).unwrap();
    let mut secrets = forms(ANN);
    secrets.extend(forms("ann@"));
    let request = async |device: Option<&str>| {
        clock.advance(Duration::from_mins(1));
        let request = CodeRequest::new(ANN).device(device);
        let requested = auth.request_code(request).await.unwrap();
        (requested.challenge.expose().to_owned(), sender.code_for(ANN).unwrap())
    };
    let verify =
        async |challenge: &str, code: &str| auth.verify_code(Verification::new(ANN, code).challenge(challenge)).await;
    let mut values = Vec::new();

    let (challenge, code) = request(None).await;
    secrets.extend([&challenge, &code].into_iter().flat_map(|secret| forms(secret)));
    values.extend(dump().await);
    let signed_in = verify(&challenge, &code).await.unwrap();
    let device = signed_in.device.unwrap().token.expose().to_owned();
    values.extend(dump().await);
    let renewed = auth.refresh(signed_in.tokens.refresh_token.expose()).await.unwrap();
    for tokens in [&signed_in.tokens, &renewed.tokens] {
        secrets
            .extend([&tokens.access_token, &tokens.refresh_token].into_iter().flat_map(|token| forms(token.expose())));
    }
    secrets.extend(forms(&device));
    let (challenge, code) = request(Some(&device)).await;
    secrets.extend([&challenge, &code].into_iter().flat_map(|secret| forms(secret)));
    let wrong = if code == "0000000000" { "0000000001" } else { "0000000000" };
    for _ in 0..5 {
        verify(&challenge, wrong).await.unwrap_err();
    }
    auth.sign_out(&[renewed.tokens.refresh_token.expose()], None).await.unwrap();
    auth.revoke_all_sessions(renewed.user.id()).await.unwrap();
    values.extend(dump().await);

    // The search finds a value that is there, so it would find a secret.
    let session = URL_SAFE_NO_PAD.decode(renewed.session.id.to_string()).unwrap();
    assert!(values.iter().any(|value| value.windows(session.len()).any(|part| part == session)));
    for secret in secrets {
        let holds = |value: &Vec<u8>| value.windows(secret.len()).any(|part| part == secret);
        let found = values.iter().find(|value| holds(value)).map(|value| String::from_utf8_lossy(value));
        assert_eq!(found, None, "{}", String::from_utf8_lossy(&secret));
    }
}

/// Each value of each row of these tables, as bytes.
macro_rules! values {
    ($store:expr, $tables:literal, $quote:literal) => {{
        use sqlx::Row;
        let tables: Vec<String> = sqlx::query_scalar($tables).fetch_all($store.pool()).await.unwrap();
        let mut values = Vec::new();
        for table in tables {
            let select = format!("SELECT * FROM {}{table}{}", $quote, $quote);
            for row in sqlx::query(sqlx::AssertSqlSafe(select)).fetch_all($store.pool()).await.unwrap() {
                for at in 0..row.len() {
                    let value: Option<Vec<u8>> = row.try_get_unchecked(at).unwrap();
                    values.push(value.unwrap_or_default());
                }
            }
        }
        values
    }};
}

mod postgres {
    use super::*;
    use crate::postgres::Postgres;
    use crate::users::User;

    #[tokio::test]
    #[ignore = "needs PostgreSQL: scripts/test starts one"]
    async fn otp_09_otp_14_our_tables_hold_no_secret_and_no_address() {
        let store = Postgres.fresh().await;
        let dump = async || {
            values!(
                store,
                "SELECT table_name::text FROM information_schema.tables \
                 WHERE table_schema = current_schema() AND table_name <> 'users'",
                "\""
            )
        };
        our_tables_hold_no_secret::<User, _>(store.clone(), dump).await;
    }
}

mod mysql {
    use super::*;
    use crate::mysql::MySql;
    use crate::users::User;

    #[tokio::test]
    #[ignore = "needs MariaDB: scripts/test starts one"]
    async fn otp_09_otp_14_our_tables_hold_no_secret_and_no_address() {
        let store = MySql.fresh().await;
        let dump = async || {
            values!(
                store,
                "SELECT CONVERT(table_name USING utf8mb4) FROM information_schema.tables \
                 WHERE table_schema = DATABASE() AND table_name <> 'users'",
                "`"
            )
        };
        our_tables_hold_no_secret::<User, _>(store.clone(), dump).await;
    }
}

mod mongo {
    use ::mongodb::bson::{Document, RawDocumentBuf, doc};

    use super::*;
    use crate::mongo::{REPLICA_SET, STANDALONE, User};

    #[tokio::test]
    #[ignore = "needs MongoDB: scripts/test starts one"]
    async fn otp_09_otp_14_our_tables_hold_no_secret_and_no_address() {
        for server in [REPLICA_SET, STANDALONE] {
            let store = server.fresh().await;
            let dump = async || {
                let mut values = Vec::new();
                for name in store.database().list_collection_names().await.unwrap() {
                    if name == "users" {
                        continue;
                    }
                    let mut found = store.database().collection::<Document>(&name).find(doc! {}).await.unwrap();
                    while found.advance().await.unwrap() {
                        for (field, value) in found.deserialize_current().unwrap() {
                            let value = doc! { field: value };
                            values.push(RawDocumentBuf::try_from(&value).unwrap().into_bytes());
                        }
                    }
                }
                values
            };
            our_tables_hold_no_secret::<User, _>(store.clone(), dump).await;
        }
    }
}
