//! The side without otp-auth: what an application would write itself, with
//! the same crates, tables and pool.
//!
//! It does what the comparison needs and no more; among other things it has
//! no refresh, no sign-out, no key rotation and no normalised addresses. It
//! is not a sample to copy.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::{constant_time, hmac, rand};
use axum::extract::{FromRef, FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, HeaderName, USER_AGENT};
use axum::http::request::Parts;
use axum::routing::{get, post};
use axum::{Json, Router};
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use sqlx::SqlitePool;
use tokio::sync::Mutex;

use crate::Result;
use crate::server::{self, TABLES, User};

const CODE_SECONDS: i64 = 600;
const COOLDOWN_SECONDS: i64 = 60;
const ACCESS_SECONDS: i64 = 3_600;
const REFRESH_SECONDS: i64 = 7 * 86_400;
const MAX_ATTEMPTS: u32 = 5;

#[derive(Clone)]
struct App(Arc<Inner>);

struct Inner {
    pool: SqlitePool,
    /// Writers take turns, as in `SqliteStore`. Without it they would poll
    /// for the lock of the database, and the comparison would be about that.
    turn: Mutex<()>,
    mac: hmac::Key,
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

/// The claims of an access token as they are read.
#[derive(Deserialize)]
struct Claims {
    sub: String,
    jti: String,
    username: Option<String>,
}

/// The same claims as they are written.
#[derive(Serialize)]
struct NewClaims<'a> {
    sub: String,
    exp: i64,
    iat: i64,
    jti: String,
    sid: &'a str,
    auth_time: i64,
    amr: [&'static str; 1],
    username: Option<&'a str>,
}

#[derive(Serialize)]
struct NewRefreshClaims<'a> {
    sid: &'a str,
    #[serde(rename = "gen")]
    generation: u32,
    iat: i64,
    exp: i64,
}

#[derive(Serialize)]
struct UserClaims {
    username: Option<String>,
}

#[derive(Deserialize)]
struct RequestBody {
    email: String,
}

#[derive(Serialize)]
struct Requested {
    message: &'static str,
    expires_in: i64,
    resend_in: i64,
    challenge: String,
}

#[derive(Deserialize)]
struct VerifyBody {
    email: String,
    code: String,
    challenge: String,
}

#[derive(Serialize)]
struct Tokens {
    access_token: String,
    token_type: &'static str,
    expires_in: i64,
    refresh_token: String,
}

type Answer<T> = std::result::Result<T, StatusCode>;
type NoStore<T> = ([(HeaderName, &'static str); 1], Json<T>);

fn no_store<T>(body: T) -> NoStore<T> {
    ([(CACHE_CONTROL, "no-store")], Json(body))
}

fn failed<E>(_: E) -> StatusCode {
    StatusCode::INTERNAL_SERVER_ERROR
}

fn now_millis() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

/// 128 random bits in hexadecimal.
fn random_id() -> Answer<String> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).map_err(failed)?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

fn random_code() -> Answer<String> {
    let mut bytes = [0; 8];
    rand::fill(&mut bytes).map_err(failed)?;
    Ok(format!("{:06}", u64::from_be_bytes(bytes) % 1_000_000))
}

fn normalised(email: &str) -> Answer<String> {
    let email = email.trim().to_lowercase();
    if email.contains('@') { Ok(email) } else { Err(StatusCode::UNPROCESSABLE_ENTITY) }
}

impl Inner {
    fn identity(&self, email: &str) -> hmac::Tag {
        hmac::sign(&self.mac, email.as_bytes())
    }

    fn code_mac(&self, challenge: &str, email: &str, code: &str) -> hmac::Tag {
        hmac::sign(&self.mac, format!("{challenge}/{email}/{code}").as_bytes())
    }

    fn encode(&self, claims: &impl Serialize) -> Answer<String> {
        jsonwebtoken::encode(&Header::default(), claims, &self.encoding).map_err(failed)
    }
}

impl FromRef<App> for Arc<Inner> {
    fn from_ref(app: &App) -> Self {
        Self::clone(&app.0)
    }
}

impl FromRequestParts<App> for Claims {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Answer<Self> {
        let field = parts.headers.get(AUTHORIZATION).and_then(|field| field.to_str().ok());
        let token = field.and_then(|field| field.strip_prefix("Bearer ")).ok_or(StatusCode::UNAUTHORIZED)?;
        let data = jsonwebtoken::decode::<Self>(token, &app.0.decoding, &app.0.validation);
        data.map(|data| data.claims).map_err(|_| StatusCode::UNAUTHORIZED)
    }
}

async fn claims(claims: Claims) -> Json<UserClaims> {
    Json(UserClaims { username: claims.username })
}

async fn me(State(app): State<Arc<Inner>>, claims: Claims) -> Answer<Json<User>> {
    let blacklisted = sqlx::query("SELECT 1 FROM token_blacklist WHERE realm = 'users' AND id = ?1")
        .bind(claims.jti.as_bytes())
        .fetch_optional(&app.pool)
        .await
        .map_err(failed)?;
    if blacklisted.is_some() {
        return Err(StatusCode::UNAUTHORIZED);
    }
    let id: i64 = claims.sub.parse().map_err(|_| StatusCode::UNAUTHORIZED)?;
    let user = sqlx::query_as("SELECT id, email, is_verified, username FROM users WHERE id = ?1")
        .bind(id)
        .fetch_optional(&app.pool)
        .await
        .map_err(failed)?;
    user.map(Json).ok_or(StatusCode::UNAUTHORIZED)
}

async fn request_otp(State(app): State<Arc<Inner>>, Json(body): Json<RequestBody>) -> Answer<NoStore<Requested>> {
    let email = normalised(&body.email)?;
    let now = now_millis();
    let identity = app.identity(&email);
    let challenge = random_id()?;
    let code = random_code()?;

    let turn = app.turn.lock().await;
    let mut transaction = app.pool.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
    let paid = sqlx::query(
        "INSERT INTO otp_budgets (realm, identity, requester, next_send_at, hour_started_at, hour_sends, day_started_at, day_sends) \
         VALUES ('users', ?1, 0, ?2, ?3, 1, ?3, 1) \
         ON CONFLICT (realm, identity, requester) DO UPDATE SET \
         next_send_at = ?2, hour_sends = hour_sends + 1, day_sends = day_sends + 1 WHERE next_send_at <= ?3",
    )
    .bind(identity.as_ref())
    .bind(now + COOLDOWN_SECONDS * 1_000)
    .bind(now)
    .execute(&mut *transaction)
    .await
    .map_err(failed)?;
    if paid.rows_affected() == 0 {
        return Err(StatusCode::TOO_MANY_REQUESTS);
    }
    sqlx::query(
        "INSERT INTO otp_challenges (realm, key, identity, code_mac, created_at, expires_at) \
         VALUES ('users', ?1, ?2, ?3, ?4, ?5)",
    )
    .bind(challenge.as_bytes())
    .bind(identity.as_ref())
    .bind(app.code_mac(&challenge, &email, &code).as_ref())
    .bind(now)
    .bind(now + CODE_SECONDS * 1_000)
    .execute(&mut *transaction)
    .await
    .map_err(failed)?;
    transaction.commit().await.map_err(failed)?;
    drop(turn);

    server::send(&email, &code).map_err(failed)?;
    Ok(no_store(Requested {
        message: "If this address can sign in, a code has been sent to it.",
        expires_in: CODE_SECONDS,
        resend_in: COOLDOWN_SECONDS,
        challenge,
    }))
}

async fn verify_otp(
    State(app): State<Arc<Inner>>,
    headers: axum::http::HeaderMap,
    Json(body): Json<VerifyBody>,
) -> Answer<NoStore<Tokens>> {
    let email = normalised(&body.email)?;
    let now = now_millis();
    let presented = app.code_mac(&body.challenge, &email, body.code.trim());

    let turn = app.turn.lock().await;
    let counted: Vec<(Vec<u8>,)> = sqlx::query_as(
        "UPDATE otp_challenges SET tries = tries + 1 \
         WHERE realm = 'users' AND key = ?1 AND tries < ?2 AND expires_at > ?3 AND consumed_at IS NULL RETURNING code_mac",
    )
    .bind(body.challenge.as_bytes())
    .bind(MAX_ATTEMPTS)
    .bind(now)
    .fetch_all(&app.pool)
    .await
    .map_err(failed)?;
    drop(turn);
    let (right,) = counted.first().ok_or(StatusCode::UNAUTHORIZED)?;
    constant_time::verify_slices_are_equal(right, presented.as_ref()).map_err(|_| StatusCode::UNAUTHORIZED)?;

    let session = random_id()?;
    let user_agent = headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
    let turn = app.turn.lock().await;
    let mut transaction = app.pool.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
    let consumed = sqlx::query(
        "UPDATE otp_challenges SET consumed_at = ?2, code_mac = NULL \
         WHERE realm = 'users' AND key = ?1 AND consumed_at IS NULL",
    )
    .bind(body.challenge.as_bytes())
    .bind(now)
    .execute(&mut *transaction)
    .await
    .map_err(failed)?;
    if consumed.rows_affected() == 0 {
        return Err(StatusCode::UNAUTHORIZED);
    }
    let users: Vec<User> = sqlx::query_as(
        "INSERT INTO users (email, is_verified) VALUES (?1, TRUE) \
         ON CONFLICT (email) DO UPDATE SET is_verified = TRUE RETURNING id, email, is_verified, username",
    )
    .bind(&email)
    .fetch_all(&mut *transaction)
    .await
    .map_err(failed)?;
    let user = users.first().ok_or(StatusCode::INTERNAL_SERVER_ERROR)?;
    sqlx::query(
        "INSERT INTO otp_sessions (realm, id, user_id, binding, generation, created_at, refreshed_at, expires_at, user_agent) \
         VALUES ('users', ?1, ?2, x'', 0, ?3, ?3, ?4, ?5)",
    )
    .bind(session.as_bytes())
    .bind(user.id.to_string())
    .bind(now)
    .bind(now + REFRESH_SECONDS * 1_000)
    .bind(user_agent)
    .execute(&mut *transaction)
    .await
    .map_err(failed)?;
    transaction.commit().await.map_err(failed)?;
    drop(turn);

    let iat = now / 1_000;
    let access_token = app.encode(&NewClaims {
        sub: user.id.to_string(),
        exp: iat + ACCESS_SECONDS,
        iat,
        jti: random_id()?,
        sid: &session,
        auth_time: iat,
        amr: ["otp"],
        username: user.username.as_deref(),
    })?;
    let refresh_token =
        app.encode(&NewRefreshClaims { sid: &session, generation: 0, iat, exp: iat + REFRESH_SECONDS })?;
    Ok(no_store(Tokens { access_token, token_type: "bearer", expires_in: ACCESS_SECONDS, refresh_token }))
}

pub(crate) async fn app(pool: SqlitePool, secret: &[u8]) -> Result<Router> {
    for statements in TABLES {
        sqlx::raw_sql(statements).execute(&pool).await?;
    }
    let app = App(Arc::new(Inner {
        pool,
        turn: Mutex::default(),
        mac: hmac::Key::new(hmac::HMAC_SHA256, secret),
        encoding: EncodingKey::from_secret(secret),
        decoding: DecodingKey::from_secret(secret),
        validation: Validation::default(),
    }));
    Ok(Router::new()
        .route("/claims", get(claims))
        .route("/me", get(me))
        .route("/auth/request-otp", post(request_otp))
        .route("/auth/verify-otp", post(verify_otp))
        .with_state(app))
}
