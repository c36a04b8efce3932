//! Signs its own tokens with jsonwebtoken and RustCrypto.

use std::collections::BTreeMap;

use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation};

fn main() {
    println!("beside {}", std::any::type_name::<otp_auth::AuthError>());
    let claims = BTreeMap::from([("exp".to_owned(), 4_102_444_800_u64)]);
    let key = b"a key of this application alone.";
    let token = jsonwebtoken::encode(&Header::default(), &claims, &EncodingKey::from_secret(key)).unwrap();
    let (key, validation) = (DecodingKey::from_secret(key), Validation::default());
    let read = jsonwebtoken::decode::<BTreeMap<String, u64>>(&token, &key, &validation).unwrap();
    assert_eq!(read.claims, claims);
}
