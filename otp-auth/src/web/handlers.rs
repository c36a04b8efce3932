//! The four routes. Each translates a request into a use case, and its
//! outcome into a response.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, State};
use axum::http::header::USER_AGENT;
use axum::http::{Extensions, HeaderMap};
use axum::response::{IntoResponse, Response};

use super::bearer;
use super::cookie::{self, Kind};
use super::delivery::{
    Message, RefreshFields, VerifyFields, WebDelivery, challenge_response, presented, refresh_cookies, tokens_response,
};
use super::json::{AnyBody, Json, OptionalJson, RequestOtpBody};
use super::problem::{Code, Problem};
use crate::auth::{CodeRequest, OtpAuth, Refusal, Verification};
use crate::config::OtpConfig;
use crate::delivery::Delivery;
use crate::session::Client;

pub(super) async fn request_otp<C>(
    State(auth): State<OtpAuth<C>>,
    headers: HeaderMap,
    Json(body): Json<RequestOtpBody>,
) -> Result<Response, Problem>
where
    C: OtpConfig,
    C::Delivery: WebDelivery,
{
    let settings = auth.settings();
    let sent = |kind| presented::<C::Delivery>(kind, &headers, None, settings);
    let request = CodeRequest { email: &body.email, challenge: sent(Kind::Challenge), device: sent(Kind::Device) };
    let requested = auth.request_code(request).await?;
    Ok(challenge_response::<C::Delivery>(requested, settings))
}

pub(super) async fn verify_otp<C>(
    State(auth): State<OtpAuth<C>>,
    headers: HeaderMap,
    extensions: Extensions,
    Json(body): Json<<C::Delivery as WebDelivery>::VerifyBody>,
) -> Result<Response, Problem>
where
    C: OtpConfig,
    C::Delivery: WebDelivery,
{
    let settings = auth.settings();
    let older = refresh_cookies::<C::Delivery>(&headers, settings);
    let verification = Verification {
        email: body.email(),
        code: body.code(),
        challenge: presented::<C::Delivery>(Kind::Challenge, &headers, body.challenge(), settings),
        older_refresh_tokens: &older,
        client: client(&headers, &extensions),
    };
    let signed_in = auth.verify_or_explain(verification).await.map_err(|(error, refusal)| {
        let problem = Problem::from(error);
        match refusal.filter(|_| settings.developer_mode) {
            Some(refusal) => problem.with_detail(advice(refusal, C::Delivery::COOKIES)),
            None => problem,
        }
    })?;
    Ok(tokens_response::<C::Delivery, _>(signed_in, settings))
}

pub(super) async fn refresh<C>(
    State(auth): State<OtpAuth<C>>,
    headers: HeaderMap,
    OptionalJson(body): OptionalJson<<C::Delivery as WebDelivery>::RefreshBody>,
) -> Result<Response, Problem>
where
    C: OtpConfig,
    C::Delivery: WebDelivery,
{
    let body = body.unwrap_or_default();
    let mut tokens = refresh_cookies::<C::Delivery>(&headers, auth.settings());
    if tokens.is_empty() {
        tokens.extend(body.refresh_token());
    }
    if tokens.is_empty() {
        return Err(Problem::without_credentials(Code::InvalidRefreshToken));
    }
    let signed_in = auth.refresh_any(&tokens).await?;
    Ok(tokens_response::<C::Delivery, _>(signed_in, auth.settings()))
}

pub(super) async fn logout<C>(
    State(auth): State<OtpAuth<C>>,
    headers: HeaderMap,
    AnyBody(body): AnyBody<<C::Delivery as WebDelivery>::RefreshBody>,
) -> Response
where
    C: OtpConfig,
    C::Delivery: WebDelivery,
{
    let body = body.unwrap_or_default();
    let mut tokens = refresh_cookies::<C::Delivery>(&headers, auth.settings());
    tokens.extend(body.refresh_token());
    // Tokens that are no good are ignored, so that everybody can leave. Of
    // several that are good none is: each session ends.
    let access_token = bearer::token(&headers).ok().flatten();
    let mut response = match auth.sign_out_all(&tokens, access_token).await {
        Ok(()) => axum::Json(Message { message: "You are signed out.".to_owned() }).into_response(),
        Err(error) => Problem::from(error).into_response(),
    };
    // Also after a failure: this browser is done with the token (ASVS 5.0
    // 7.4.1). The status tells that the session may still be there.
    if C::Delivery::COOKIES {
        cookie::add(response.headers_mut(), cookie::clear_elsewhere(auth.settings()));
        cookie::add(response.headers_mut(), cookie::clear(Kind::Refresh, auth.settings()));
    }
    response
}

/// What a developer should change, where a real client is told nothing.
fn advice(refusal: Refusal, cookies: bool) -> &'static str {
    match (refusal, cookies) {
        (Refusal::NoChallenge, true) => {
            "Developer mode: no challenge came with the code. It is in a cookie of /request-otp that has to come back: in fetch, write `credentials: 'include'` for both requests; over plain HTTP, set `cookie_secure` to false."
        }
        (Refusal::NoChallenge, false) => {
            "Developer mode: no challenge came with the code. Send the `challenge` of the answer to /request-otp in the body."
        }
        (Refusal::NotAChallenge, _) => {
            "Developer mode: what came as the challenge is none. Send it exactly as /request-otp gave it."
        }
        (Refusal::UnknownChallenge, _) => {
            "Developer mode: there is no such challenge. Ask for a new code; has the database been emptied since?"
        }
        (Refusal::OtherAddress, _) => {
            "Developer mode: the challenge is that of another address. A code was asked for with that one meanwhile, perhaps in another tab; a client holds one challenge at a time."
        }
        (Refusal::Excluded, _) => {
            "Developer mode: the code is right, and `filter` on the user struct excludes the row of this address, or the row that a sign-up makes: its columns need defaults that the filter accepts."
        }
    }
}

pub(super) async fn method_not_allowed() -> Problem {
    Code::MethodNotAllowed.into()
}

/// What the client says about itself, and where it connects from, if the
/// application is served with `into_make_service_with_connect_info`.
/// Forwarding headers are not looked at: anybody can write them.
fn client(headers: &HeaderMap, extensions: &Extensions) -> Client {
    let user_agent = headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
    let address = extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    Client::new(user_agent, address)
}
