//! What the tests on a server have in common.

use std::future::Future;
use std::time::Duration;

use otp_auth::StoreError;
use otp_auth::store::{Account, ChallengeStore, Opening, SignIn};
use otp_auth::testing::conformance::fixtures::{self, NOW, identity, key};

/// The URL of a server that `scripts/servers` has started.
pub(crate) fn url(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: scripts/test starts the servers and sets it"))
}

/// A name that no other test has.
pub(crate) fn unique_name() -> String {
    format!("otp_{}", uuid::Uuid::now_v7().simple())
}

/// Opens the challenge of this number.
pub(crate) async fn open<S: ChallengeStore>(store: &S, number: u8) {
    let opening = store.open_challenge(&fixtures::open(identity(number), key(number.into()), NOW)).await.unwrap();
    assert!(matches!(opening, Opening::Opened(_)));
}

/// A sign-in by the challenge of this number.
pub(crate) fn sign_in<U>(number: u8, account: Account<U>) -> SignIn<U> {
    fixtures::sign_in(number.into(), account, number.into(), NOW)
}

/// The first sign-in of an address.
pub(crate) fn sign_up<U>(number: u8, email: &str) -> SignIn<U> {
    sign_in(number, Account::New(email.to_owned()))
}

/// All that an error says, to people and to logs.
pub(crate) fn said(error: &StoreError) -> String {
    let source = std::error::Error::source(error);
    format!("{error} {error:?} {}", source.map(ToString::to_string).unwrap_or_default())
}

/// Waits until a condition of the server holds, for at most ten seconds.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    for _ in 0..500 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{what} did not happen");
}
